/// Order of the waiting requests: an indexed binary heap, touched only where something changed. A Step costs
/// O((changed + taken) log waiting); nobody ever sorts or scans the queue.
struct QueueManager: Codable, Sendable {
  /// Smaller is served first; ties break by the request's id.
  struct Key: Comparable, Codable, Sendable {
    /// Class rank under `priority`, 0 under `fcfs`.
    var rank: Int64
    /// Negative for a request that was preempted under `fcfs`: later preempted is further in front (vLLM V1 prepends).
    var front: Int64
    var arrivalUs: Int64

    static func < (a: Key, b: Key) -> Bool {
      if a.rank != b.rank { return a.rank < b.rank }
      if a.front != b.front { return a.front < b.front }
      return a.arrivalUs < b.arrivalUs
    }
  }

  private var ordering: PolicyConfig.Ordering
  private var heap: ContiguousArray<Int32> = []
  /// Slot -> position in `heap`, -1 when not a candidate.
  private var position: ContiguousArray<Int32> = []
  /// Slot -> key, valid while the slot is in the heap.
  private var keys: ContiguousArray<Key> = []
  /// Grows with every change, so that callers can tell whether the order may differ from what they saw.
  private(set) var version: UInt64 = 0
  /// Heap positions whose subtrees a walk has not visited; a small heap itself.
  private var frontier: ContiguousArray<Int32> = []

  init(ordering: PolicyConfig.Ordering) { self.ordering = ordering }

  var count: Int { heap.count }

  /// Key of a candidate.
  func key(of slot: Int) -> Key { keys[slot] }

  /// Puts a slot where it belongs: in the heap if it is live, waiting and not blocked, else out of it.
  mutating func update(slot: Int, request: Request, rank: Int, ids: ContiguousArray<String>) {
    if slot >= position.count {
      let missing = slot + 1 - position.count
      position.append(contentsOf: repeatElement(-1, count: missing))
      keys.append(contentsOf: repeatElement(Key(rank: 0, front: 0, arrivalUs: 0), count: missing))
    }
    version += 1
    if position[slot] >= 0 { remove(slot, ids) }
    guard request.isLive, !request.isRunning, !request.isBlocked else { return }
    keys[slot] = key(request, rank: rank)
    position[slot] = Int32(heap.count)
    heap.append(Int32(slot))
    siftUp(heap.count - 1, ids)
  }

  /// Starts a walk over the candidates, best first. The heap must not change until the walk is over.
  mutating func beginWalk() {
    frontier.removeAll(keepingCapacity: true)
    if !heap.isEmpty { frontier.append(0) }
  }

  /// Next best candidate's slot, or nil at the end. k calls cost O(k log k), whatever waits.
  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    guard let top = frontier.first else { return nil }
    let last = frontier.removeLast()
    if !frontier.isEmpty {
      frontier[0] = last
      siftDownFrontier(ids)
    }
    for child in [2 * Int(top) + 1, 2 * Int(top) + 2] where child < heap.count {
      frontier.append(Int32(child))
      siftUpFrontier(ids)
    }
    return Int(heap[Int(top)])
  }

  private func key(_ request: Request, rank: Int) -> Key {
    switch ordering {
    case .fcfs: Key(rank: 0, front: -request.requeueSerial, arrivalUs: request.arrivalUs)
    case .priority: Key(rank: Int64(rank), front: 0, arrivalUs: request.arrivalUs)
    }
  }

  private func precedes(_ a: Int32, _ b: Int32, _ ids: ContiguousArray<String>) -> Bool {
    let x = keys[Int(a)]
    let y = keys[Int(b)]
    if x != y { return x < y }
    return ids[Int(a)] < ids[Int(b)]
  }

  // MARK: - Heap

  private mutating func remove(_ slot: Int, _ ids: ContiguousArray<String>) {
    let hole = Int(position[slot])
    position[slot] = -1
    let last = heap.removeLast()
    guard hole < heap.count else { return }
    heap[hole] = last
    position[Int(last)] = Int32(hole)
    siftUp(hole, ids)
    siftDown(Int(position[Int(last)]), ids)
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

  // MARK: - The walk's own small heap of heap positions

  private func frontierPrecedes(_ a: Int, _ b: Int, _ ids: ContiguousArray<String>) -> Bool {
    precedes(heap[Int(frontier[a])], heap[Int(frontier[b])], ids)
  }

  private mutating func siftUpFrontier(_ ids: ContiguousArray<String>) {
    var child = frontier.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard frontierPrecedes(child, parent, ids) else { return }
      frontier.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDownFrontier(_ ids: ContiguousArray<String>) {
    var parent = 0
    while true {
      var best = parent
      for child in (2 * parent + 1)..<(2 * parent + 3) where child < frontier.count {
        if frontierPrecedes(child, best, ids) { best = child }
      }
      if best == parent { return }
      frontier.swapAt(parent, best)
      parent = best
    }
  }
}
