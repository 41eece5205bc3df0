import WireProtocol

/// Sends a stream's items as fast as the reader takes them. One that falls behind gets a gap marker with the number of
/// items lost, then the end of the stream; one that takes nothing at all loses its connection.
struct StreamPace {
  let port: ReplyPort
  let limitMs: Int
  private var lost = 0
  private var slowSinceUs: Int?

  init(port: ReplyPort, limitMs: Int) {
    self.port = port
    self.limitMs = limitMs
  }

  /// False when the stream is over.
  mutating func send(_ item: JSONValue) async -> Bool {
    let next: JSONValue = lost > 0 ? ["gap": ["lost": JSONValue(lost)]] : item
    switch await port.send(next) {
    case .over: return false
    case .slow: return stillWaits()
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

  private mutating func stillWaits() -> Bool {
    lost += 1
    let nowUs = MonotonicClock.nowUs()
    let since = slowSinceUs ?? nowUs
    slowSinceUs = since
    guard nowUs - since > limitMs * 1000 else { return true }
    port.closeConnection()
    return false
  }
}
