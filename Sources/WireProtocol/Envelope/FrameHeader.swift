/// The five bytes before each payload: a flag (0) and the length, big endian (gRPC length-prefixed messages).
public enum FrameHeader {
  public static let byteCount = 5

  /// Length of the payload that follows.
  /// - Throws: UNIMPLEMENTED for a flag other than 0, RESOURCE_EXHAUSTED for a length over the limit. Framing is lost
  ///   after either: answer, then close.
  public static func payloadLength(
    _ header: UnsafeRawBufferPointer, limits: WireLimits = WireLimits()
  ) throws(CallError) -> Int {
    guard header[0] == 0 else {
      throw CallError(
        .unimplemented, "frame flag \(header[0]); expected 0, compression is not supported",
        details: ["reason": "FRAME_FLAG"])
    }
    var length = 0
    for i in 1..<byteCount { length = length << 8 | Int(header[i]) }
    guard length <= limits.frameBytes else {
      throw CallError(
        .resourceExhausted, "frame of \(length) bytes; expected at most \(limits.frameBytes)",
        details: ["reason": "FRAME_TOO_LARGE", "limit_bytes": JSONValue(limits.frameBytes)])
    }
    return length
  }
}
