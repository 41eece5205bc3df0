/// What became of one item of a stream.
enum StreamDelivery: Sendable {
  case delivered
  /// The reader has not taken what was sent before.
  case slow
  /// Cancelled, or the connection is gone.
  case over
}
