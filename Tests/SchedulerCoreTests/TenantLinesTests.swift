import Testing

@testable import SchedulerCore

/// Lines per tenant, walked level by level, against a plain sort.
struct TenantLinesTests {
  private let ids = ContiguousArray((0..<200).map { "r\($0)" })

  private func walk(_ lines: TenantLines, level: Int) -> [Int] {
    var lines = lines
    var slots: [Int] = []
    lines.beginWalk(level: level)
    while let slot = lines.next(ids) { slots.append(slot) }
    return slots
  }

  /// Two tenants with two requests each come out by key, as one line; once the first is ahead, in two.
  @Test func tenantsOfOneLevelAreOneLine() {
    var lines = TenantLines()
    for (slot, tenant, key) in [(0, 0, 10), (1, 1, 20), (2, 0, 30), (3, 1, 5)] {
      lines.insert(slot, tenant: Int32(tenant), SlotHeap.Key(Int64(key)), ids)
    }
    #expect(walk(lines, level: 0) == [3, 0, 1, 2])
    lines.move(0, to: 2, ids)
    #expect(walk(lines, level: 0) == [3, 1])
    #expect(walk(lines, level: 2) == [0, 2])
    lines.remove(0, ids)
    lines.remove(2, ids)
    #expect(lines.isEmpty(level: 2))
    #expect(lines.count == 2)
  }

  /// With rows so short that most stand in the heap behind, and with all in the row.
  @Test(arguments: [4, 16, WaitingLine.rowMost]) func anyHistoryGivesTheOrderOfASort(rowMost: Int) {
    for seed in UInt64(1)...6 {
      var random = SplitMix64(seed)
      var lines = TenantLines(rowMost: rowMost)
      var tenants: [Int: Int32] = [:]
      var keys: [Int: SlotHeap.Key] = [:]
      var levels = [Int](repeating: 0, count: 7)
      for _ in 0..<600 {
        let slot = random.below(200)
        switch random.below(8) {
        case 0, 1:
          lines.remove(slot, ids)
          keys[slot] = nil
        case 2:
          let tenant = random.below(7)
          levels[tenant] = random.below(TenantLines.levels)
          lines.move(Int32(tenant), to: levels[tenant], ids)
        default:
          let key = SlotHeap.Key(Int64(random.below(5)), Int64(random.below(40)))
          if keys[slot] == nil { tenants[slot] = Int32(random.below(7)) }
          keys[slot] = key
          lines.insert(slot, tenant: tenants[slot]!, key, ids)
        }
      }
      for level in 0..<TenantLines.levels {
        let expected = keys.keys.filter { levels[Int(tenants[$0]!)] == level }
          .sorted { keys[$0]! != keys[$1]! ? keys[$0]! < keys[$1]! : ids[$0] < ids[$1] }
        #expect(walk(lines, level: level) == expected, "seed \(seed), level \(level)")
        #expect(lines.isEmpty(level: level) == expected.isEmpty, "seed \(seed), level \(level)")
      }
      #expect(lines.count == keys.count, "seed \(seed)")
    }
  }
}
