/// Launched plans that are not settled, oldest first, and the handles that may not return before they are.
struct UnsettledPlans: Codable, Sendable {
  private struct RetiredHandle: Codable, Sendable {
    var handle: RequestHandle
    var removedIn: UInt64
  }

  private var records: ContiguousArray<LaunchRecord> = []
  /// Emptied records that keep their storage.
  private var spare: ContiguousArray<LaunchRecord> = []
  private var retired: ContiguousArray<RetiredHandle> = []

  var count: Int { records.count }

  mutating func reuse(seq: UInt64) -> LaunchRecord {
    var record = spare.popLast() ?? LaunchRecord()
    record.seq = seq
    return record
  }

  mutating func append(_ record: LaunchRecord) { records.append(record) }

  mutating func take(seq: UInt64) -> LaunchRecord? {
    guard let index = records.firstIndex(where: { $0.seq == seq }) else { return nil }
    return records.remove(at: index)
  }

  mutating func recycle(_ record: consuming LaunchRecord) {
    record.removeAll()
    spare.append(record)
  }

  func isOlderThanAll(_ seq: UInt64) -> Bool { records.allSatisfy { seq < $0.seq } || records.isEmpty }

  /// Remembers a handle removed in Step `removedIn` while plans are unsettled (session rule 5).
  mutating func retire(handle: RequestHandle, removedIn: UInt64) {
    if !records.isEmpty { retired.append(RetiredHandle(handle: handle, removedIn: removedIn)) }
  }

  func holds(handle: RequestHandle) -> Bool { retired.contains { $0.handle == handle } }

  /// Lets handles return whose plans were all reported settled; called after a whole Step, so that "in an earlier
  /// Step" holds.
  mutating func releaseHandles() {
    guard !retired.isEmpty else { return }
    let oldest = records.first?.seq ?? .max
    retired.removeAll { $0.removedIn <= oldest }
  }
}
