/// Cached blocks that nobody holds, the least recently used first: a binary heap. An item may be out of date; the cache
/// looks.
struct IdleBlocks {
  struct Item {
    var slot: Int32
    var lastUse: UInt64
  }

  private var heap: [Item] = []

  var count: Int { heap.count }
  var first: Item? { heap.first }

  /// O(log count); O(1) for what was used last of all.
  mutating func add(_ item: Item) {
    heap.append(item)
    var child = heap.count - 1
    while child > 0, heap[child].lastUse < heap[(child - 1) / 2].lastUse {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    heap[0] = last
    sink(from: 0)
  }

  /// Drops items that are out of date. O(count).
  mutating func keep(_ isCurrent: (Item) -> Bool) {
    heap.removeAll { !isCurrent($0) }
    for parent in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(from: parent) }
  }

  private mutating func sink(from start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].lastUse < heap[least].lastUse {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
