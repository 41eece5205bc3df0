/// Order of the waiting requests: a heap that is touched only where something changed. A Step costs
/// O((changed + taken) log waiting); nobody ever sorts or scans the queue.
struct QueueManager: Codable, Sendable {
  private var ordering: PolicyConfig.Ordering
  private var heap = SlotHeap()
  /// Grows with every change, so that callers can tell whether the order may differ from what they saw.
  private(set) var version: UInt64 = 0

  init(ordering: PolicyConfig.Ordering) { self.ordering = ordering }

  var count: Int { heap.count }

  /// Key of a candidate.
  func key(of slot: Int) -> SlotHeap.Key { heap.key(of: slot) }

  /// Puts a slot where it belongs: among the candidates if it is live, waiting and not blocked, else out of them.
  mutating func update(slot: Int, request: Request, rank: Int, ids: ContiguousArray<String>) {
    version += 1
    guard request.isLive, !request.isRunning, !request.isBlocked else { return heap.remove(slot, ids) }
    heap.insert(slot, key(request, rank: rank), ids)
  }

  /// Starts a walk over the candidates, best first. The queue must not change until the walk is over.
  mutating func beginWalk() { heap.beginWalk() }

  /// Next best candidate's slot, or nil at the end. k calls cost O(k log k), whatever waits.
  mutating func next(_ ids: ContiguousArray<String>) -> Int? { heap.next(ids) }

  private func key(_ request: Request, rank: Int) -> SlotHeap.Key {
    switch ordering {
    // A request that was preempted goes to the front, the one preempted last first: vLLM V1 prepends.
    case .fcfs: SlotHeap.Key(0, -request.requeueSerial, request.arrivalUs)
    case .priority: SlotHeap.Key(Int64(rank), 0, request.arrivalUs)
    }
  }
}
