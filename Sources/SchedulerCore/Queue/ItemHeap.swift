/// A binary heap of small integers whose positions lie outside of it, so that many heaps share one table: an item is in
/// at most one of them. The order is the caller's; whenever it changes for an item, `restore` has to follow.
struct ItemHeap: Codable, Sendable {
  /// Item -> position in its heap, -1 when in none.
  typealias Positions = ContiguousArray<Int32>

  private var items: ContiguousArray<Int32> = []

  var count: Int { items.count }
  var isEmpty: Bool { items.isEmpty }
  /// The item that precedes all others.
  var first: Int32? { items.first }

  /// Empties it; what the table says of its items is worthless then.
  mutating func removeAll() { items.removeAll(keepingCapacity: true) }

  mutating func insert(_ item: Int32, _ positions: inout Positions, by precedes: (Int32, Int32) -> Bool) {
    positions[Int(item)] = Int32(items.count)
    items.append(item)
    siftUp(items.count - 1, &positions, precedes)
  }

  /// Takes out an item that is in this heap.
  mutating func remove(_ item: Int32, _ positions: inout Positions, by precedes: (Int32, Int32) -> Bool) {
    let hole = Int(positions[Int(item)])
    positions[Int(item)] = -1
    let last = items.removeLast()
    guard hole < items.count else { return }
    items[hole] = last
    positions[Int(last)] = Int32(hole)
    restore(last, &positions, by: precedes)
  }

  /// Moves an item of this heap to where it belongs now.
  mutating func restore(_ item: Int32, _ positions: inout Positions, by precedes: (Int32, Int32) -> Bool) {
    siftUp(Int(positions[Int(item)]), &positions, precedes)
    siftDown(Int(positions[Int(item)]), &positions, precedes)
  }

  private mutating func siftUp(_ start: Int, _ positions: inout Positions, _ precedes: (Int32, Int32) -> Bool) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(items[child], items[parent]) else { return }
      swap(child, parent, &positions)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int, _ positions: inout Positions, _ precedes: (Int32, Int32) -> Bool) {
    var parent = start
    while true {
      var best = parent
      for child in (2 * parent + 1)..<(2 * parent + 3) where child < items.count {
        if precedes(items[child], items[best]) { best = child }
      }
      if best == parent { return }
      swap(parent, best, &positions)
      parent = best
    }
  }

  private mutating func swap(_ a: Int, _ b: Int, _ positions: inout Positions) {
    items.swapAt(a, b)
    positions[Int(items[a])] = Int32(a)
    positions[Int(items[b])] = Int32(b)
  }
}
