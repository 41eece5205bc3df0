import Policy
import SchedulerCore
import WireProtocol

/// Reads a recording's text and checks every line.
public struct RecordingReader {
  private var origin: Recording.Origin?
  private var segments: [RecordingSegment] = []
  private var open: RecordingSegment?
  private var entries: [UInt8] = []
  private var entrySteps = 0
  private var steps = 0
  private var isEnded = false
  private var line = 0
  private var nextSeq: UInt64 = 0

  private init() {}

  /// - Throws: where the first thing is wrong, by step.
  public static func read(_ bytes: [UInt8]) throws(RecordingError) -> Recording {
    var reader = RecordingReader()
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      try reader.take(bytes[start..<end], isWhole: end < bytes.count)
      start = end + 1
    }
    return try reader.finish()
  }

  private mutating func finish() throws(RecordingError) -> Recording {
    guard let origin else { throw RecordingError(line: 1, place: nil, message: "no recording: the file is empty") }
    guard isEnded else { throw failure("the recording ends here; expected more lines") }
    return Recording(origin: origin, segments: segments)
  }

  // MARK: - Lines

  private mutating func take(_ line: ArraySlice<UInt8>, isWhole: Bool) throws(RecordingError) {
    self.line += 1
    guard !isEnded else { throw failure("bytes after the end of the recording") }
    guard line.count > 9, isWhole else { throw failure("the line is cut") }
    let record = line.dropFirst(9)
    let checksum = record.withUnsafeBytes { CRC32.checksum($0) }
    guard line.prefix(9).elementsEqual(RecordingWriter.hex(checksum) + [UInt8(ascii: " ")]) else {
      throw failure("checksum differs: the line was changed or damaged")
    }
    do throws(JSONError) { try read(record) } catch { throw failure("\(error.pointer): \(error.message)") }
  }

  private mutating func read(_ record: ArraySlice<UInt8>) throws(JSONError) {
    let result = record.withUnsafeBytes { bytes -> Result<Void, JSONError> in
      do throws(JSONError) {
        var reader = try JSONReader(bytes)
        try reader.object { (key, reader) throws(JSONError) in
          let name = key.string
          guard let kind = RecordingField.Line(rawValue: name) else { throw reader.invalid("unknown line \(name)") }
          try read(kind, bytes, &reader)
        }
        try reader.finish()
        return .success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }

  private mutating func read(
    _ kind: RecordingField.Line, _ bytes: UnsafeRawBufferPointer, _ reader: inout JSONReader
  ) throws(JSONError) {
    guard (kind == .recording) == (line == 1) else {
      throw reader.invalid(line == 1 ? "not a recording of coxswain" : "a second beginning")
    }
    if kind == .step { return try readStep(bytes, &reader) }
    let json = try JSONValue(&reader)
    do {
      switch kind {
      case .recording: try begin(json)
      case .start: try start(json)
      case .policy: try append(Self.policy(json))
      case .resources: try append(StateDecoder.decode(ResourceSnapshot.self, from: json))
      case .end: try end(json)
      case .step: break
      }
    } catch let error as CallError {
      throw reader.invalid(error.message)
    } catch {
      throw reader.invalid("\(error)")
    }
  }

  private mutating func begin(_ json: JSONValue) throws {
    let message = try MessageReader(json)
    let version = try message.integer("version")
    guard version == RecordingField.version else {
      throw CallError.invalid(field: "/version", "\(version); this coxswain reads \(RecordingField.version)")
    }
    origin = Recording.Origin(
      version: try message.string("sidecar_version"),
      writtenAtUnixMs: try message.integer("written_at_unix_ms", in: 0 ... .max),
      isHashed: try message.bool("hashed", default: false))
  }

  private mutating func start(_ json: JSONValue) throws {
    closeSegment()
    let message = try MessageReader(json)
    let start = RecordingSegment.Start(
      session: try message.string("session"), epoch: json["epoch"]?.unsignedValue ?? 0,
      seq: json["seq"]?.unsignedValue ?? 0, isSyncing: try message.bool("syncing", default: false),
      atUs: try message.integer("at_us", in: .min ... .max), policy: try Self.policy(json),
      resources: try StateDecoder.decode(ResourceSnapshot.self, from: json["resources"] ?? .null),
      limits: try StateDecoder.decode(MirrorLimits.self, from: json["limits"] ?? .null),
      core: try StateDecoder.decode(SchedulerCore.self, from: json["core"] ?? .null))
    nextSeq = start.seq + 1
    open = RecordingSegment(start: start)
  }

  private static func policy(_ json: JSONValue) throws -> ActivePolicy {
    ActivePolicy(
      document: PolicyDocument(
        config: try StateDecoder.decode(PolicyConfig.self, from: json["config"] ?? .null),
        json: json["policy"] ?? .null),
      generation: try MessageReader(json).integer("generation", in: 0 ... .max))
  }

  private mutating func end(_ json: JSONValue) throws {
    let message = try MessageReader(json)
    let (lines, recorded) = (try message.integer("lines", in: 0 ... .max), try message.integer("steps", in: 0 ... .max))
    guard lines == line, recorded == steps else {
      throw CallError.invalid(
        field: "/end", "\(recorded) steps in \(lines) lines were written, \(steps) in \(line) are here")
    }
    closeSegment()
    isEnded = true
  }

  // MARK: - Steps

  private mutating func readStep(_ bytes: UnsafeRawBufferPointer, _ reader: inout JSONReader) throws(JSONError) {
    var step = RecordedStep(seq: 0, atUs: 0, outcome: .planned, message: [], reply: [])
    try reader.object { (key, reader) throws(JSONError) in
      switch RecordingField.Step(rawValue: key.string) {
      case .seq: step.seq = try reader.unsigned()
      case .atUs: step.atUs = try reader.integer()
      case .outcome:
        let name = try reader.string()
        guard let outcome = StepOutcome(name: name) else { throw reader.invalid("unknown outcome \(name)") }
        step.outcome = outcome
      case .message: step.message = try Self.value(bytes, &reader)
      case .reply: step.reply = try Self.value(bytes, &reader)
      case nil: try reader.skipValue()
      }
    }
    guard open != nil else { throw reader.invalid("a step before the first start") }
    append(kind: step.outcome.rawValue, seq: step.seq, step)
    steps += 1
    entrySteps += 1
    nextSeq = step.seq + 1
  }

  /// A value's bytes; of a string, its text.
  private static func value(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout JSONReader
  ) throws(JSONError) -> ArraySlice<UInt8> {
    if try reader.peek() == UInt8(ascii: "\"") { return ArraySlice(Array(try reader.string().utf8)) }
    return ArraySlice(Array(bytes[try reader.skipValue()]))
  }

  private mutating func append(_ policy: ActivePolicy) throws {
    guard let index = open?.intern(policy) else {
      throw CallError.invalid(field: "", "a policy before the first start")
    }
    append(
      kind: RecordingSegment.Tag.policy, seq: UInt64(index),
      RecordedStep(seq: 0, atUs: 0, outcome: .planned, message: [], reply: []))
  }

  private mutating func append(_ resources: ResourceSnapshot) throws {
    guard let index = open?.intern(resources) else {
      throw CallError.invalid(field: "", "resources before the first start")
    }
    append(
      kind: RecordingSegment.Tag.resources, seq: UInt64(index),
      RecordedStep(seq: 0, atUs: 0, outcome: .planned, message: [], reply: []))
  }

  private mutating func append(kind: UInt8, seq: UInt64, _ step: RecordedStep) {
    step.message.withUnsafeBytes { message in
      step.reply.withUnsafeBytes { reply in
        RecordingSegment.write(
          kind: kind, seq: seq, atUs: step.atUs, message: message, reply: reply, into: &entries)
      }
    }
  }

  private mutating func closeSegment() {
    guard var segment = open else { return }
    segment.append(chunk: entries, steps: entrySteps)
    segments.append(segment)
    open = nil
    entries = []
    entrySteps = 0
  }

  private func failure(_ message: String) -> RecordingError {
    RecordingError(
      line: line, place: open.map { "step \(nextSeq) of \($0.start.session)" }, message: message)
  }
}
