import SchedulerCore
import WireProtocol

/// Takes request ids and tenants out of a recording. Ties between requests break by id, so a pseudonym begins with the
/// id's rank among all ids of the recording: the plans stay the same, byte for byte. The rest of it is a hash under a
/// key that is forgotten.
public struct Pseudonyms {
  private var ids: [String: String] = [:]
  private var tenants: [String: String] = [:]
  private let hash: SipHash

  /// - Parameter key: random, and kept nowhere.
  public init(key: (UInt64, UInt64)) { hash = SipHash(key: key) }

  /// The recording without its names. The names of the policy's classes stay: they decide.
  /// - Throws: when a state in it cannot be taken apart; a defect.
  public mutating func hashed(_ recording: Recording) throws -> Recording {
    try collect(recording)
    var result = recording
    result.origin.isHashed = true
    result.segments = try recording.segments.map { try hashed($0) }
    return result
  }

  // MARK: - Which names there are

  private mutating func collect(_ recording: Recording) throws {
    var allIDs: Set<String> = []
    var allNames: Set<String> = []
    var classes: Set<String> = []
    for segment in recording.segments {
      let mirror = try StateEncoder.json(segment.start.core)["mirror"]
      allIDs.formUnion(Self.strings(mirror?["table"]?["ids"]))
      allNames.formUnion(Self.strings(mirror?["names"]?["names"]))
      classes.formUnion(segment.start.policy.document.config.classes.map(\.name))
      segment.forEachEntry { entry in
        switch entry {
        case .policy(let policy): classes.formUnion(policy.document.config.classes.map(\.name))
        case .resources: break
        case .step(let step):
          let message = Self.message(step)
          allNames.formUnion(Self.strings(message?["names"]))
          allIDs.formUnion(Self.strings(message?["arrived"]?["id"]))
        }
        return true
      }
    }
    ids = Self.pseudonyms(of: allIDs, "r", hash)
    tenants = Self.pseudonyms(of: allNames.subtracting(classes), "t", hash)
  }

  private static func pseudonyms(of names: Set<String>, _ prefix: String, _ hash: SipHash) -> [String: String] {
    var result: [String: String] = [:]
    let width = String(names.count).count
    for (rank, name) in names.sorted().enumerated() {
      let number = String(rank)
      let hex = String(hash.hash(name), radix: 16)
      result[name] =
        prefix + String(repeating: "0", count: width - number.count) + number + "-"
        + String(repeating: "0", count: 16 - hex.count) + hex
    }
    return result
  }

  private static func strings(_ json: JSONValue?) -> [String] { (json?.arrayValue ?? []).compactMap(\.stringValue) }

  /// nil for a Step that could not be read.
  private static func message(_ step: RecordedStep) -> JSONValue? {
    step.outcome == .rejected ? nil : try? JSONValue(parsing: Array(step.message))
  }

  // MARK: - Replacing them

  private func hashed(_ segment: RecordingSegment) throws -> RecordingSegment {
    var start = segment.start
    var core = try StateEncoder.json(start.core)
    core = core.replacing(["mirror", "table", "ids"]) { replaced($0, ids) }
    core = core.replacing(["mirror", "names", "names"]) { replaced($0, tenants) }
    start.core = try StateDecoder.decode(SchedulerCore.self, from: core)
    var result = RecordingSegment(start: start)
    var bytes: [UInt8] = []
    var steps = 0
    segment.forEachEntry { entry in
      switch entry {
      case .policy(let policy): Self.append(RecordingSegment.Tag.policy, result.intern(policy), &bytes)
      case .resources(let machine): Self.append(RecordingSegment.Tag.resources, result.intern(machine), &bytes)
      case .step(let step):
        // What could not be read may hold anything: it is left out, and with it the end of its session.
        guard let message = Self.message(step) else { return false }
        Self.append(step, hashed(message, step), &bytes)
        steps += 1
      }
      return true
    }
    result.append(chunk: bytes, steps: steps)
    return result
  }

  private func hashed(_ message: JSONValue, _ step: RecordedStep) -> [UInt8] {
    guard message["names"] != nil || message["arrived"] != nil else { return Array(step.message) }
    var writer = JSONWriter()
    message.replacing(["names"]) { replaced($0, tenants) }
      .replacing(["arrived", "id"]) { replaced($0, ids) }
      .write(into: &writer)
    return writer.bytes
  }

  private func replaced(_ json: JSONValue, _ names: [String: String]) -> JSONValue {
    .array((json.arrayValue ?? []).map { name in name.stringValue.flatMap { names[$0] }.map { .string($0) } ?? name })
  }

  private static func append(_ kind: UInt8, _ index: Int, _ bytes: inout [UInt8]) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    RecordingSegment.write(kind: kind, seq: UInt64(index), atUs: 0, message: nothing, reply: nothing, into: &bytes)
  }

  private static func append(_ step: RecordedStep, _ message: [UInt8], _ bytes: inout [UInt8]) {
    message.withUnsafeBytes { message in
      step.reply.withUnsafeBytes { reply in
        RecordingSegment.write(
          kind: step.outcome.rawValue, seq: step.seq, atUs: step.atUs, message: message, reply: reply, into: &bytes)
      }
    }
  }
}
