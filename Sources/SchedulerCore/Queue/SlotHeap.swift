/// An indexed binary heap of slots, smallest key first: touched only where something changed, walked in order without
/// being taken apart. Every waiting order of the core is one of these or made of several.
struct SlotHeap: Codable, Sendable {
  /// Compared member by member; ties break by the request's id. What each member means is the ordering's affair.
  struct Key: Comparable, Codable, Sendable {
    var first: Int64
    var second: Int64
    var third: Int64

    init(_ first: Int64, _ second: Int64 = 0, _ third: Int64 = 0) {
      self.first = first
      self.second = second
      self.third = third
    }

    static func < (a: Key, b: Key) -> Bool {
      if a.first != b.first { return a.first < b.first }
      if a.second != b.second { return a.second < b.second }
      return a.third < b.third
    }
  }

  private var heap: ContiguousArray<Int32> = []
  /// Slot -> position in `heap`, -1 when not in it.
  private var position: ContiguousArray<Int32> = []
  /// Slot -> key, valid while the slot is in the heap.
  private var keys: ContiguousArray<Key> = []
  private var frontier = WalkFrontier()

  var count: Int { heap.count }
  var isEmpty: Bool { heap.isEmpty }
  /// Slot with the smallest key.
  var first: Int? { heap.first.map(Int.init) }

  func contains(_ slot: Int) -> Bool { slot < position.count && position[slot] >= 0 }

  /// Key of a slot that is in the heap.
  func key(of slot: Int) -> Key { keys[slot] }

  /// Puts a slot where its key belongs, whether or not it was in the heap.
  mutating func insert(_ slot: Int, _ key: Key, _ ids: ContiguousArray<String>) {
    if slot >= position.count {
      let missing = slot + 1 - position.count
      position.append(contentsOf: repeatElement(-1, count: missing))
      keys.append(contentsOf: repeatElement(Key(0), count: missing))
    }
    if position[slot] >= 0 { remove(slot, ids) }
    keys[slot] = key
    position[slot] = Int32(heap.count)
    heap.append(Int32(slot))
    siftUp(heap.count - 1, ids)
  }

  /// Takes a slot out if it is in.
  mutating func remove(_ slot: Int, _ ids: ContiguousArray<String>) {
    guard contains(slot) else { return }
    let hole = Int(position[slot])
    position[slot] = -1
    let last = heap.removeLast()
    guard hole < heap.count else { return }
    heap[hole] = last
    position[Int(last)] = Int32(hole)
    siftUp(hole, ids)
    siftDown(Int(position[Int(last)]), ids)
  }

  /// Starts a walk in order. The heap must not change until the walk is over.
  mutating func beginWalk() {
    frontier.removeAll()
    if !heap.isEmpty { frontier.push(node(0), []) }
  }

  /// Next slot, or nil at the end. k calls cost O(k log k), whatever waits.
  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    guard let top = frontier.popFirst(ids) else { return nil }
    let place = Int(top.place)
    for child in (2 * place + 1)..<(2 * place + 3) where child < heap.count { frontier.push(node(child), ids) }
    return Int(top.slot)
  }

  private func node(_ place: Int) -> WalkFrontier.Node {
    let slot = heap[place]
    return WalkFrontier.Node(key: keys[Int(slot)], slot: slot, tenant: 0, place: Int32(place))
  }

  private func precedes(_ a: Int32, _ b: Int32, _ ids: ContiguousArray<String>) -> Bool {
    let x = keys[Int(a)]
    let y = keys[Int(b)]
    if x != y { return x < y }
    return ids[Int(a)] < ids[Int(b)]
  }

  private mutating func siftUp(_ start: Int, _ ids: ContiguousArray<String>) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(heap[child], heap[parent], ids) else { return }
      swap(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int, _ ids: ContiguousArray<String>) {
    var parent = start
    while true {
      var best = parent
      for child in (2 * parent + 1)..<(2 * parent + 3) where child < heap.count {
        if precedes(heap[child], heap[best], ids) { best = child }
      }
      if best == parent { return }
      swap(parent, best)
      parent = best
    }
  }

  private mutating func swap(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    position[Int(heap[a])] = Int32(a)
    position[Int(heap[b])] = Int32(b)
  }
}
