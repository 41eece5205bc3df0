import WireProtocol

/// Sends a stream's items as fast as the reader takes them. One that falls behind gets a gap marker with the number of
/// items lost, then the end of the stream; one that takes nothing at all loses its connection (`ConnectionHandler`).
struct StreamPace {
  private let port: ReplyPort
  private var lost = 0

  init(port: ReplyPort) { self.port = port }

  /// False when the stream is over.
  mutating func send(_ item: JSONValue) async -> Bool {
    let next: JSONValue = lost > 0 ? ["gap": ["lost": JSONValue(lost)]] : item
    switch await port.send(next) {
    case .over: return false
    case .slow:
      lost += 1
      return true
    case .delivered:
      guard lost > 0 else { return true }
      port.finish(
        .failure(
          CallError(
            .resourceExhausted, "the reader was too slow: \(lost) items lost",
            details: ["reason": "SLOW_READER", "lost": JSONValue(lost)])))
      return false
    }
  }
}
