import SchedulerCore

/// A stretch of one session that can be replayed by itself: a copy of everything at its start, and the inputs since.
public struct RecordingSegment: Sendable {
  /// What was true before the first entry.
  public struct Start: Sendable {
    public var session: String
    public var epoch: UInt64
    /// Of the last Step before; 0 right after Register.
    public var seq: UInt64
    public var isSyncing: Bool
    /// Microseconds of the sidecar's monotonic clock.
    public var atUs: Int
    public var policy: ActivePolicy
    public var resources: ResourceSnapshot
    public var limits: MirrorLimits
    public var core: SchedulerCore
  }

  /// Kinds of entries; a step's kind carries its outcome.
  enum Tag {
    static let policy: UInt8 = 0xFE
    static let resources: UInt8 = 0xFF
  }

  /// Bytes before each entry: kind (1), message length (4), reply length (4), seq (8), time (8); little-endian.
  static let headerBytes = 25

  public private(set) var start: Start
  /// Whole entries each.
  private(set) var chunks: [[UInt8]] = []
  private(set) var policies: [ActivePolicy] = []
  private(set) var resources: [ResourceSnapshot] = []
  public private(set) var stepCount = 0
  private(set) var byteCount = 0

  init(start: Start) { self.start = start }

  // MARK: - Writing

  mutating func append(chunk: [UInt8], steps: Int) {
    guard !chunk.isEmpty else { return }
    byteCount += chunk.count
    stepCount += steps
    chunks.append(chunk)
  }

  /// Remembers a value that is too large for an entry's bytes. Returns its index, which the entry carries.
  mutating func intern(_ policy: ActivePolicy) -> Int {
    policies.append(policy)
    return policies.count - 1
  }

  mutating func intern(_ snapshot: ResourceSnapshot) -> Int {
    resources.append(snapshot)
    return resources.count - 1
  }

  mutating func takeChunks() -> [[UInt8]] {
    defer { chunks = [] }
    return chunks
  }

  static func write(
    kind: UInt8, seq: UInt64, atUs: Int, message: UnsafeRawBufferPointer, reply: UnsafeRawBufferPointer,
    into bytes: inout [UInt8]
  ) {
    bytes.append(kind)
    append(UInt32(message.count), &bytes)
    append(UInt32(reply.count), &bytes)
    append(seq, &bytes)
    append(UInt64(bitPattern: Int64(atUs)), &bytes)
    bytes.append(contentsOf: message)
    bytes.append(contentsOf: reply)
  }

  private static func append(_ value: some FixedWidthInteger, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  // MARK: - Reading

  /// Hands the entries to `body` in order until it returns false.
  public func forEachEntry<Failure: Error>(_ body: (RecordingEntry) throws(Failure) -> Bool) throws(Failure) {
    for chunk in chunks {
      var offset = 0
      while offset < chunk.count {
        let (entry, next) = entry(in: chunk, at: offset)
        guard try body(entry) else { return }
        offset = next
      }
    }
  }

  private func entry(in chunk: [UInt8], at offset: Int) -> (RecordingEntry, next: Int) {
    let (kind, messageCount, replyCount, seq, atUs) = chunk.withUnsafeBytes { bytes in
      (
        bytes[offset], Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self))),
        Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 5, as: UInt32.self))),
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 9, as: UInt64.self)),
        Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 17, as: Int64.self)))
      )
    }
    let messageStart = offset + Self.headerBytes
    let replyStart = messageStart + messageCount
    let end = replyStart + replyCount
    switch kind {
    case Tag.policy: return (.policy(policies[Int(seq)]), end)
    case Tag.resources: return (.resources(resources[Int(seq)]), end)
    default:
      let step = RecordedStep(
        seq: seq, atUs: atUs, outcome: StepOutcome(rawValue: kind) ?? .rejected,
        message: chunk[messageStart..<replyStart], reply: chunk[replyStart..<end])
      return (.step(step), end)
    }
  }
}
