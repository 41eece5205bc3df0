import WireProtocol

extension CallError {
  static func unknownSession(_ name: String) -> CallError {
    CallError(.notFound, "no session \(name)", details: ["field": "/session", "reason": "UNKNOWN_SESSION"])
  }

  /// No engine has sent a Step yet.
  static let nothingRecorded = CallError(
    .notFound, "no Step is recorded yet", details: ["field": "", "reason": "NOTHING_RECORDED"])
}
