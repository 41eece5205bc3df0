/// Slots by when they were used, the oldest first: a binary heap. An entry may be out of date; the owner looks.
public struct TickHeap: Codable, Sendable {
  public struct Entry: Codable, Sendable {
    public var tick: UInt64
    public var slot: Int32

    public init(tick: UInt64, slot: Int32) {
      self.tick = tick
      self.slot = slot
    }
  }

  private var heap: ContiguousArray<Entry> = []

  public init() {}

  public var first: Entry? { heap.first }
  public var count: Int { heap.count }

  /// O(log count); O(1) for what was used last of all.
  public mutating func add(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child].tick < heap[(child - 1) / 2].tick {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  public mutating func removeFirst() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    heap[0] = last
    sink(from: 0)
  }

  /// Drops entries that are out of date. O(count).
  public mutating func keep(_ isCurrent: (Entry) -> Bool) {
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
