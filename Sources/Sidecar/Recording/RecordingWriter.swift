import Policy
import SchedulerCore
import WireProtocol

/// Writes a recording as text: one checksummed JSON document per line (Docs/recordings.md).
public struct RecordingWriter {
  private let emit: (_ line: [UInt8]) -> Bool
  private var lines = 0
  private var steps = 0
  private var isOver = false

  /// - Parameter emit: takes one line with its line feed; false when nobody wants more.
  public init(emit: @escaping (_ line: [UInt8]) -> Bool) { self.emit = emit }

  /// - Throws: when a core cannot be written as JSON; a defect.
  public mutating func write(_ recording: Recording) throws {
    line(.recording) { writer in
      writer.key("version")
      writer.integer(RecordingField.version)
      writer.key("sidecar_version")
      writer.string(recording.origin.version)
      writer.key("written_at_unix_ms")
      writer.integer(recording.origin.writtenAtUnixMs)
      writer.key("hashed")
      writer.bool(recording.origin.isHashed)
    }
    for segment in recording.segments where !isOver { try write(segment) }
    let (lines, steps) = (lines + 1, steps)
    line(.end) { writer in
      writer.key("lines")
      writer.integer(lines)
      writer.key("steps")
      writer.integer(steps)
    }
  }

  private mutating func write(_ segment: RecordingSegment) throws {
    let start = segment.start
    let config = try StateEncoder.json(start.policy.document.config)
    let resources = try StateEncoder.json(start.resources)
    let limits = try StateEncoder.json(start.limits)
    let core = try StateEncoder.json(start.core)
    line(.start) { writer in
      let members: JSONObject = [
        "session": .string(start.session), "epoch": JSONValue(start.epoch), "seq": JSONValue(start.seq),
        "syncing": .bool(start.isSyncing), "at_us": JSONValue(start.atUs),
        "generation": JSONValue(start.policy.generation), "policy": start.policy.document.effective,
        "config": config, "resources": resources, "limits": limits, "core": core,
      ]
      Self.write(members, &writer)
    }
    try segment.forEachEntry { (entry) throws in
      try write(entry)
      return !isOver
    }
  }

  private mutating func write(_ entry: RecordingEntry) throws {
    switch entry {
    case .step(let step): write(step)
    case .resources(let snapshot):
      let members = try StateEncoder.json(snapshot).objectValue ?? [:]
      line(.resources) { Self.write(members, &$0) }
    case .policy(let policy):
      let config = try StateEncoder.json(policy.document.config)
      line(.policy) { writer in
        let members: JSONObject = [
          "generation": JSONValue(policy.generation), "policy": policy.document.effective, "config": config,
        ]
        Self.write(members, &writer)
      }
    }
  }

  private mutating func write(_ step: RecordedStep) {
    steps += 1
    line(.step) { writer in
      writer.key("seq")
      writer.integer(step.seq)
      writer.key("at_us")
      writer.integer(step.atUs)
      writer.key("outcome")
      writer.string(step.outcome.name)
      writer.key("message")
      Self.raw(step.message, isJSON: step.outcome != .rejected || Self.isJSON(step.message), &writer)
      guard !step.reply.isEmpty else { return }
      writer.key("reply")
      Self.raw(step.reply, isJSON: true, &writer)
    }
  }

  private static func write(_ members: JSONObject, _ writer: inout JSONWriter) {
    for member in members.members {
      writer.key(member.name)
      member.value.write(into: &writer)
    }
  }

  /// The bytes as they are, line breaks between tokens as spaces. What is no JSON (no socket lets it through) becomes a
  /// string, so that the line stays readable.
  private static func raw(_ bytes: ArraySlice<UInt8>, isJSON: Bool, _ writer: inout JSONWriter) {
    guard isJSON else { return writer.string(String(decoding: bytes, as: UTF8.self)) }
    guard bytes.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
      return bytes.withUnsafeBytes { writer.raw($0) }
    }
    bytes.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }.withUnsafeBytes { writer.raw($0) }
  }

  private static func isJSON(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
      do throws(JSONError) {
        var reader = try JSONReader(bytes)
        try reader.skipValue()
        try reader.finish()
        return true
      } catch { return false }
    }
  }

  // MARK: - Lines

  static let hexDigits = Array("0123456789abcdef".utf8)

  private mutating func line(_ kind: RecordingField.Line, _ body: (inout JSONWriter) -> Void) {
    guard !isOver else { return }
    lines += 1
    var writer = JSONWriter()
    writer.beginObject()
    writer.key(kind.rawValue)
    writer.beginObject()
    body(&writer)
    writer.endObject()
    writer.endObject()
    let checksum = writer.bytes.withUnsafeBytes { CRC32.checksum($0) }
    var line = Self.hex(checksum)
    line.reserveCapacity(writer.bytes.count + line.count + 2)
    line.append(UInt8(ascii: " "))
    line.append(contentsOf: writer.bytes)
    line.append(UInt8(ascii: "\n"))
    if !emit(line) { isOver = true }
  }

  static func hex(_ checksum: UInt32) -> [UInt8] {
    (0..<8).map { hexDigits[Int(checksum >> UInt32(28 - 4 * $0) & 15)] }
  }
}
