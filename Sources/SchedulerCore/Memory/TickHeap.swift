/// Slots by when they were used, the oldest first: a binary heap. An entry may be out of date; the owner looks.
struct TickHeap: Codable, Sendable {
  struct Entry: Codable, Sendable {
    var tick: UInt64
    var slot: Int32
  }

  private var heap: ContiguousArray<Entry> = []

  var first: Entry? { heap.first }
  var count: Int { heap.count }

  mutating func add(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child].tick < heap[(child - 1) / 2].tick {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    heap[0] = last
    sink(from: 0)
  }

  /// Drops entries that are out of date. O(count).
  mutating func keep(_ isCurrent: (Entry) -> Bool) {
    heap.removeAll { !isCurrent($0) }
    for parent in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(from: parent) }
  }

  private mutating func sink(from start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].tick < heap[least].tick {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
