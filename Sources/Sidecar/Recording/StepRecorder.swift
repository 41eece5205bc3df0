import SchedulerCore

/// Keeps the last inputs of one connection in memory, always: a ring of segments. A steady Step costs two copies of
/// bytes into a chunk that is there already; once per chunk one is taken from the oldest segment or allocated.
///
/// A new segment starts at each Register, and when the open one has its share of the ring. It needs a copy of the core,
/// which the next Step pays for, O(tracked requests), once in thousands of Steps.
struct StepRecorder: ~Copyable {
  private let budget: RecordingBudget
  private let limits: Limits
  private var closed: [RecordingSegment] = []
  private var open: RecordingSegment?
  private var chunk: [UInt8] = []
  private var chunkSteps = 0
  /// Steps in segments that the ring has dropped.
  private(set) var forgottenSteps = 0
  /// Chunks with storage and nothing in it.
  private var spare: [[UInt8]] = []
  private var takenChunks = 0

  struct Limits: Hashable, Sendable {
    /// Of one session.
    var bytes = 32 << 20
    var segments = 4
    var chunkBytes = 256 << 10

    var segmentBytes: Int { bytes / segments }
  }

  init(budget: RecordingBudget, limits: Limits) {
    self.budget = budget
    self.limits = limits
  }

  deinit { budget.giveBack(takenChunks * limits.chunkBytes) }

  /// The open segment has its share: the caller should start the next one.
  var isSegmentFull: Bool { (open?.byteCount ?? 0) + chunk.count >= limits.segmentBytes }

  mutating func begin(_ start: RecordingSegment.Start) {
    closeChunk()
    if let open, open.stepCount > 0 { closed.append(open) }
    while closed.count >= limits.segments { forgetOldest() }
    open = RecordingSegment(start: start)
  }

  mutating func record(
    _ outcome: StepOutcome, seq: UInt64, atUs: Int, message: UnsafeRawBufferPointer, reply: UnsafeRawBufferPointer
  ) {
    guard room(for: message.count + reply.count) else { return }
    RecordingSegment.write(
      kind: outcome.rawValue, seq: seq, atUs: atUs, message: message, reply: reply, into: &chunk)
    chunkSteps += 1
  }

  mutating func record(_ policy: ActivePolicy, atUs: Int) {
    guard let index = open?.intern(policy) else { return }
    recordChange(RecordingSegment.Tag.policy, index, atUs)
  }

  mutating func record(_ resources: ResourceSnapshot, atUs: Int) {
    guard let index = open?.intern(resources) else { return }
    recordChange(RecordingSegment.Tag.resources, index, atUs)
  }

  private mutating func recordChange(_ kind: UInt8, _ index: Int, _ atUs: Int) {
    guard room(for: 0) else { return }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    RecordingSegment.write(
      kind: kind, seq: UInt64(index), atUs: atUs, message: nothing, reply: nothing, into: &chunk)
  }

  /// A copy of what is there; the recording goes on.
  mutating func snapshot() -> [RecordingSegment] {
    closeChunk()
    return closed + (open.map { [$0] } ?? []).filter { $0.stepCount > 0 }
  }

  // MARK: - Memory

  /// False when there is no segment, or no memory even with all older segments gone: the segment ends there.
  private mutating func room(for bytes: Int) -> Bool {
    guard open != nil else { return false }
    let needed = bytes + RecordingSegment.headerBytes
    if chunk.capacity > 0, chunk.count + needed <= limits.chunkBytes { return true }
    closeChunk()
    guard needed <= limits.chunkBytes else { return roomForLarge(needed) }
    if let next = spare.popLast() {
      chunk = next
      return true
    }
    while (takenChunks + 1) * limits.chunkBytes > limits.bytes || !budget.take(limits.chunkBytes) {
      guard !closed.isEmpty else {
        stop()
        return false
      }
      forgetOldest()
      if let next = spare.popLast() {
        chunk = next
        return true
      }
    }
    takenChunks += 1
    chunk.reserveCapacity(limits.chunkBytes)
    return true
  }

  /// An entry larger than a chunk, up to one frame: rare (a sync Step), it gets a chunk of its own size, counted as
  /// many chunks as it fills.
  private mutating func roomForLarge(_ bytes: Int) -> Bool {
    let count = (bytes + limits.chunkBytes - 1) / limits.chunkBytes
    while (takenChunks + count) * limits.chunkBytes > limits.bytes || !budget.take(count * limits.chunkBytes) {
      guard !closed.isEmpty else {
        stop()
        return false
      }
      forgetOldest()
      releaseSpare()
    }
    takenChunks += count
    chunk.reserveCapacity(bytes)
    return true
  }

  private mutating func closeChunk() {
    open?.append(chunk: chunk, steps: chunkSteps)
    chunk = []
    chunkSteps = 0
  }

  private mutating func forgetOldest() {
    var oldest = closed.removeFirst()
    forgottenSteps += oldest.stepCount
    for var chunk in oldest.takeChunks() {
      if chunk.count > limits.chunkBytes {
        release(chunks: (chunk.count + limits.chunkBytes - 1) / limits.chunkBytes)
      } else {
        chunk.removeAll(keepingCapacity: true)
        spare.append(chunk)
      }
    }
  }

  private mutating func releaseSpare() {
    release(chunks: spare.count)
    spare = []
  }

  private mutating func release(chunks: Int) {
    takenChunks -= chunks
    budget.giveBack(chunks * limits.chunkBytes)
  }

  /// No memory is left for even one chunk: nothing is recorded until the next segment starts.
  private mutating func stop() {
    if let open, open.stepCount > 0 { closed.append(open) }
    open = nil
  }
}
