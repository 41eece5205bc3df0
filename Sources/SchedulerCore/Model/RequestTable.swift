/// The mirror's requests: slots of plain values, the running list in order of admission, and the sums that `check`
/// compares. Every change of state goes through its methods, so that the sums and lists can never drift.
public struct RequestTable: Codable, Sendable {
  /// Slot -> request. A slot whose `isLive` is false is free.
  public private(set) var requests: ContiguousArray<Request> = []
  /// Slot -> the engine's string id.
  public private(set) var ids: ContiguousArray<String> = []
  /// Slots in order of admission; an entry is valid while its request's `runningIndex` points back at it.
  private var runningSlots: ContiguousArray<Int32> = []
  private var runningHoles = 0
  private var handles = HandleMap()
  private var freeSlots: ContiguousArray<Int32> = []
  private var requeues: Int64 = 0
  private var arrivals: RequestSerial = 0
  /// Sums over all live requests.
  public private(set) var sums = StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0)
  /// Slots whose place in the waiting order may have changed since `drainChanged`.
  private var changed: ContiguousArray<Int32> = []

  public init() {}

  public var count: Int { sums.running + sums.waiting }

  public func slot(of handle: RequestHandle) -> Int? { handles.slot(of: handle) }

  /// Slots of the running requests in order of admission. Call after `compactRunning`.
  public var running: ContiguousArray<Int32> { runningSlots }

  /// Closes the holes that finished and preempted requests left in the running list; O(running) when there are any.
  public mutating func compactRunning() {
    guard runningHoles > 0 else { return }
    var kept = 0
    for position in runningSlots.indices {
      let slot = Int(runningSlots[position])
      guard requests[slot].runningIndex == Int32(position) else { continue }
      runningSlots[kept] = Int32(slot)
      requests[slot].runningIndex = Int32(kept)
      kept += 1
    }
    runningSlots.removeLast(runningSlots.count - kept)
    runningHoles = 0
  }

  /// Adds a waiting request. The handle must not be live.
  @discardableResult
  public mutating func insert(_ request: Request, id: String) -> Int {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = Int(free)
      requests[slot] = request
      ids[slot] = id
    } else {
      slot = requests.count
      requests.append(request)
      ids.append(id)
    }
    arrivals += 1
    requests[slot].serial = arrivals
    handles.set(request.handle, slot: slot)
    sums.waiting += 1
    changed.append(Int32(slot))
    return slot
  }

  public mutating func remove(slot: Int) {
    setRunning(slot: slot, false)
    setBlocked(slot: slot, false)
    sums.waiting -= 1
    sums.computed -= requests[slot].computedTokens
    sums.output -= requests[slot].outputTokens
    handles.remove(requests[slot].handle)
    requests[slot].isLive = false
    // The id stays until the slot is used again: the waiting order still compares it in this Step.
    freeSlots.append(Int32(slot))
    changed.append(Int32(slot))
  }

  public mutating func setTokens(slot: Int, computed: Int, output: Int) {
    sums.computed += computed - requests[slot].computedTokens
    sums.output += output - requests[slot].outputTokens
    requests[slot].computedTokens = computed
    requests[slot].outputTokens = output
    if computed == 0 { requests[slot].isSwapped = false }
  }

  /// Its KV left the GPU, and it waits.
  mutating func swapOut(slot: Int) {
    requests[slot].isSwapped = requests[slot].computedTokens > 0
    setRunning(slot: slot, false)
  }

  public mutating func addTokens(slot: Int, computed: Int, output: Int) {
    sums.computed += computed
    sums.output += output
    requests[slot].computedTokens += computed
    requests[slot].outputTokens += output
  }

  /// One launched plan gave the request `tokens` tokens, `drafts` of them to verify. Returns whether the last known
  /// token is among them, so that an output token comes of it.
  mutating func launch(slot: Int, tokens: Int, drafts: Int) -> Bool {
    let reachesLastToken = tokens - drafts == requests[slot].remainingTokens
    let output = reachesLastToken ? 1 + drafts : 0
    requests[slot].computedTokens += tokens
    requests[slot].outputTokens += output
    requests[slot].unsettledPlans += 1
    sums.computed += tokens
    sums.output += output
    if !requests[slot].isRunning { setRunning(slot: slot, true) }
    return reachesLastToken
  }

  /// `launch` for all items of a plan that ran as it was made, without drafts: one walk over plain memory, since it is
  /// most of what a Step costs. `note` is told of each request, as it was before, and its tokens.
  @inline(__always)
  mutating func launch(_ record: inout LaunchRecord, note: (Request, _ tokens: Int) -> Void) {
    var computed = 0
    var output = 0
    var isAnyWaiting = false
    var requests = requests.mutableSpan
    var items = record.items.mutableSpan
    for index in items.indices {
      let slot = Int(items[index].slot)
      let tokens = Int(items[index].n)
      note(requests[slot], tokens)
      if tokens == requests[slot].remainingTokens {
        items[index].yield = .token
        requests[slot].outputTokens += 1
        output += 1
      }
      requests[slot].computedTokens += tokens
      requests[slot].unsettledPlans += 1
      computed += tokens
      if !requests[slot].isRunning { isAnyWaiting = true }
    }
    sums.computed += computed
    sums.output += output
    guard isAnyWaiting else { return }
    for item in record.items { setRunning(slot: Int(item.slot), true) }
  }

  /// The iteration of `record` took `elapsedUs`, and its result arrived at `nowUs`.
  mutating func settle(_ record: LaunchRecord, elapsedUs: Int64, at nowUs: Int64) {
    var requests = requests.mutableSpan
    for item in record.items {
      let slot = Int(item.slot)
      guard requests[slot].isSame(as: item.handle) else { continue }
      requests[slot].unsettledPlans -= 1
      requests[slot].settle(item.yield, at: nowUs)
      requests[slot].servedUs &+= elapsedUs
      requests[slot].lastServedUs = nowUs
    }
  }

  /// A result with `count` output tokens arrived at `nowUs`.
  mutating func deliver(slot: Int, tokens count: Int, at nowUs: Int64) {
    requests[slot].deliver(tokens: count, at: nowUs)
  }

  public mutating func setRunning(slot: Int, _ running: Bool) {
    guard requests[slot].isRunning != running else { return }
    requests[slot].isRunning = running
    if running {
      requests[slot].isSwapped = false
      requests[slot].runningIndex = Int32(runningSlots.count)
      runningSlots.append(Int32(slot))
      sums.running += 1
      sums.waiting -= 1
    } else {
      requests[slot].runningIndex = -1
      runningHoles += 1
      sums.running -= 1
      sums.waiting += 1
      requeues += 1
      requests[slot].requeueSerial = requeues
    }
    changed.append(Int32(slot))
  }

  public mutating func setBlocked(slot: Int, _ blocked: Bool) {
    guard requests[slot].isBlocked != blocked else { return }
    requests[slot].isBlocked = blocked
    sums.blocked += blocked ? 1 : -1
    changed.append(Int32(slot))
  }

  /// More of its prompt will be in the cache than it was on arrival.
  mutating func expectHit(slot: Int, tokens: Int) {
    requests[slot].cachedTokens = max(requests[slot].cachedTokens, tokens)
  }

  public mutating func addUnsettledPlan(slot: Int) { requests[slot].unsettledPlans += 1 }

  /// The slots that changed since the last call, each once or more; `giveBack` returns the emptied storage.
  public mutating func takeChanged() -> ContiguousArray<Int32> {
    let taken = changed
    changed = []
    return taken
  }

  public mutating func giveBack(_ storage: consuming ContiguousArray<Int32>) { changed = storage }
}
