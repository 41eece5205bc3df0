/// A set of request slots that empties for free: a slot belongs to it while its mark is the current serial.
struct SlotMarks: Codable, Sendable {
  private var marks: ContiguousArray<UInt64> = []
  private var serial: UInt64 = 0

  /// Empties the set and makes room for `slotCount` slots.
  mutating func removeAll(slotCount: Int) {
    serial += 1
    if slotCount > marks.count { marks.append(contentsOf: repeatElement(0, count: slotCount - marks.count)) }
  }

  func contains(_ slot: Int) -> Bool { slot < marks.count && marks[slot] == serial }

  /// False when the slot was in the set already.
  mutating func insert(_ slot: Int) -> Bool {
    guard marks[slot] != serial else { return false }
    marks[slot] = serial
    return true
  }

  mutating func remove(_ slot: Int) { marks[slot] = 0 }
}
