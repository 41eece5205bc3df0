/// Running requests that lost the tail of their KV and wait, with the rest, until there is room for all of it again.
struct CutRequests: Codable, Sendable {
  private struct Entry: Codable, Sendable {
    var slot: Int32
    var serial: RequestSerial
  }

  /// In the order in which they were cut.
  private var entries: ContiguousArray<Entry> = []

  var isEmpty: Bool { entries.isEmpty }
  var slots: [Int] { entries.map { Int($0.slot) } }

  func contains(slot: Int) -> Bool { entries.contains { $0.slot == Int32(slot) } }

  mutating func insert(slot: Int, _ serial: RequestSerial) {
    if !contains(slot: slot) { entries.append(Entry(slot: Int32(slot), serial: serial)) }
  }

  mutating func remove(slot: Int) { entries.removeAll { $0.slot == Int32(slot) } }

  /// Forgets who ended, was preempted, or has its KV again.
  mutating func prune(_ table: RequestTable) {
    entries.removeAll { entry in
      let request = table.requests[Int(entry.slot)]
      return !request.isSame(as: entry.serial) || !request.isRunning || request.remainingTokens <= 1
    }
  }
}
