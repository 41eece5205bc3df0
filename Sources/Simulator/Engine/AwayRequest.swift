import SchedulerCore

/// A request that lost its place on the GPU by a verb, until it comes back and the choice can be judged.
struct AwayRequest {
  /// Tokens that it had computed.
  var tokens: Int
  var isCopied: Bool
  /// Out and back by the fastest tier that had room; nil when none had.
  var copyUs: Int?
}
