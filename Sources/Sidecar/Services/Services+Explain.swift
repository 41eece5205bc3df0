import WireProtocol

extension Services {
  static let requestNameBytes = 512

  /// `Admin/Explain`: recomputed from the recording, so that serving costs nothing for it.
  func explain(_ message: JSONValue) async throws(CallError) -> JSONValue {
    let reader = try MessageReader(message)
    let wanted = try reader.string("request", maxBytes: Self.requestNameBytes)
    let session = try reader.string("session", default: "")
    let segments = try await recording(of: ["session": .string(session)]).segments
    let explanation = try await bench.run { try Explanation.make(wanted, segments) }
    guard let explanation else {
      throw CallError(
        .notFound, "no request \(wanted) in the queue or in what is recorded",
        details: ["field": "/request", "reason": "UNKNOWN_REQUEST"])
    }
    return explanation
  }
}
