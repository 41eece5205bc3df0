import Glibc
import WireProtocol

extension Services {
  /// Text of one item: far below the smallest frame limit that makes sense.
  static let recordItemBytes = 512 << 10
  /// How long a reader that takes nothing is waited for.
  private static let recordPauseMs = 5

  /// Sends the inputs of the last Steps as the text of a recording, cut into pieces.
  func record(_ message: JSONValue, _ port: ReplyPort) async throws(CallError) {
    let recording = try await recording(of: message)
    let text = try await bench.run {
      var text: [UInt8] = []
      var writer = RecordingWriter { line in
        text += line
        return true
      }
      try writer.write(recording)
      return text
    }
    var start = 0
    while start < text.count {
      let end = Self.characterStart(in: text, atMost: min(text.count, start + Self.recordItemBytes))
      guard await send(text[start..<end], port) else { return }
      start = end
    }
    port.finish(.success([:]))
  }

  /// The sessions asked for, as they are now; those that ended come first.
  func recording(of message: JSONValue) async throws(CallError) -> Recording {
    let wanted = try MessageReader(message).string("session", default: "")
    var segments = ended.segments(of: wanted)
    for handle in sessions.handles { segments += await handle.recording(of: wanted) }
    guard !segments.isEmpty else { throw wanted.isEmpty ? .nothingRecorded : .unknownSession(wanted) }
    return Recording(
      origin: Recording.Origin(version: version, writtenAtUnixMs: Self.unixMs()), segments: segments)
  }

  /// Waits for a slow reader: a recording with a gap would be none. False when the call is over.
  private func send(_ text: ArraySlice<UInt8>, _ port: ReplyPort) async -> Bool {
    let item: JSONValue = ["text": .string(String(decoding: text, as: UTF8.self))]
    while !Task.isCancelled {
      switch await port.send(item) {
      case .delivered: return true
      case .over: return false
      case .slow: try? await Task.sleep(for: .milliseconds(Self.recordPauseMs))
      }
    }
    return false
  }

  /// The last position up to `limit` at which a UTF-8 sequence begins or the text ends.
  private static func characterStart(in bytes: [UInt8], atMost limit: Int) -> Int {
    var end = limit
    while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return end
  }

  static func unixMs() -> Int {
    var time = timespec()
    // Fails only for a clock that does not exist.
    clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
