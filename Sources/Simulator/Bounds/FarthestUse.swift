/// Blocks by when they are used next, the farthest first: a binary heap. An entry may be out of date; the owner looks.
struct FarthestUse {
  struct Entry: Hashable {
    let nextUse: Int
    /// Of blocks of one prompt the deepest goes first.
    let depth: Int
    let block: UInt64

    func isFarther(than other: Entry) -> Bool { (nextUse, depth, block) > (other.nextUse, other.depth, other.block) }
  }

  private var heap: [Entry] = []

  mutating func add(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child].isFarther(than: heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() -> Entry? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isFarther(than: heap[best])
      {
        best = child
      }
      guard best != parent else { return first }
      heap.swapAt(parent, best)
      parent = best
    }
  }
}
