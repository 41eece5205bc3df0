import WireProtocol

extension CallError {
  /// The sidecar ends; another one may be there soon.
  static let stopping = CallError(
    .unavailable, "the sidecar is stopping", details: ["reason": "STOPPING", "retry_after_ms": 1_000])

  /// Nobody new is taken (`Admin/Drain`).
  static let draining = CallError(
    .unavailable, "the sidecar is draining and takes no new engine; coxswain drain --resume ends it",
    details: ["reason": "DRAINING", "retry_after_ms": 1_000])

  static func tooManyConnections(_ limit: Int) -> CallError {
    CallError(
      .resourceExhausted, "more than \(limit) connections",
      details: ["reason": "TOO_MANY_CONNECTIONS", "retry_after_ms": 1_000])
  }

  static func replyTooLarge(_ frameBytes: Int) -> CallError {
    CallError(
      .resourceExhausted, "the reply is larger than a frame of \(frameBytes) bytes; ask for less",
      details: ["reason": "REPLY_TOO_LARGE"])
  }
}
