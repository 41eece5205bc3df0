import Simulator
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// Runs of the reference engine over the real socket, and what the sidecar recorded of them.
enum RecordedRun {
  /// Small enough that a short run fills the ring several times.
  static func smallRing() -> SidecarLimits {
    var limits = SidecarLimits()
    limits.recording = StepRecorder.Limits(bytes: 64 << 10, segments: 4, chunkBytes: 4 << 10)
    return limits
  }

  @discardableResult
  static func engine(
    _ directory: String, requests: Int = 60, inFlight: Int = 1, kvTokens: Int? = nil, seed: UInt64 = 3,
    prefix: PrefixOptions? = nil
  ) throws -> Scorecard {
    var options = EngineOptions()
    options.inFlightMax = inFlight
    options.kvCapacityTokens = kvTokens
    options.prefix = prefix
    var engine = ReferenceEngine(
      profile: try #require(try GPUProfile.bundled(GPUProfile.defaultName)), options: options, mix: .standard,
      workload: GeneratedWorkload(requests: requests, ratePerS: 20, mix: .standard, seed: seed),
      link: try SocketLink(path: directory + "/engine.sock"))
    let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.requests == requests)
    return card
  }

  /// The text of Admin/Record.
  static func text(_ directory: String, _ message: JSONValue = [:]) throws -> [UInt8] {
    var text: [UInt8] = []
    let last = try WireClient(path: directory + "/admin.sock").callStreaming(.record, message: message) { item in
      text += (item["text"]?.stringValue ?? "").utf8
      return true
    }
    if let error = try #require(last).error { throw error }
    return text
  }

  static func text(of recording: Recording) throws -> [UInt8] {
    var text: [UInt8] = []
    var writer = RecordingWriter { line in
      text += line
      return true
    }
    try writer.write(recording)
    return text
  }

  /// Lines with their line feeds.
  static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    text.split(separator: UInt8(ascii: "\n")).map { text[$0.startIndex...$0.endIndex] }
  }

  /// A line with its checksum made right.
  static func sealed(_ record: String) -> [UInt8] {
    let bytes = Array(record.utf8)
    let checksum = bytes.withUnsafeBytes { CRC32.checksum($0) }
    return RecordingWriter.hex(checksum) + [UInt8(ascii: " ")] + bytes + [UInt8(ascii: "\n")]
  }
}
