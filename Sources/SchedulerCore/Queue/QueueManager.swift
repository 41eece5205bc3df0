/// Order of the waiting requests: heaps that are touched only where something changed. A Step costs
/// O((changed + taken) log waiting); nobody ever sorts or scans the queue.
struct QueueManager: Codable, Sendable {
  private let ordering: PolicyConfig.Ordering
  /// A preempted request goes to the front, as in vLLM V1. Not where running and waiting requests share one order: the
  /// two that want the same blocks would preempt each other for ever.
  private let prepends: Bool
  private var heap = SlotHeap()
  /// Candidates by arrival, for those that have waited longer than they may. Empty without a bound.
  private var waits = SlotHeap()
  private let starvationUs: Int64?
  /// The line of orderings that take turns between tenants.
  private var tenants: TenantQueues
  /// The line of the flagship, whose keys the planner makes.
  private var flagship: FlagshipQueue
  private let isFlagship: Bool
  private var tags = FinishTags()
  /// The candidates class by class; empty where capacity is not allotted to classes.
  private(set) var classLines: ClassLines
  /// Grows with every change, so that callers can tell whether the order may differ from what they saw.
  private(set) var version: UInt64 = 0

  /// - Parameters:
  ///   - batchTokens: tokens of a full batch, as far as fairness between tenants is measured by it.
  ///   - ledger: what tenants were served so far.
  init(policy: PolicyConfig, batchTokens: Double, ledger: TenantLedger = TenantLedger()) {
    ordering = policy.ordering
    isFlagship = policy.batchStrategy == .goodput
    flagship = FlagshipQueue(policy: policy, batchTokens: batchTokens, ledger: ledger)
    prepends = policy.batchStrategy != .ranked
    classLines = ClassLines(policy: policy)
    let hasOwnBound = policy.ordering == .mlfq || policy.ordering.takesTurns
    starvationUs = hasOwnBound ? nil : policy.starvationBoundMs.map { Int64($0) * 1_000 }
    let quantum = Int64(policy.quantumTokens) * TenantLedger.scale
    tenants = TenantQueues(
      rule: policy.ordering == .dlpm ? .deficit(quantum: quantum) : .virtualCounter, ledger: ledger)
  }

  var count: Int { isFlagship ? flagship.count : takesTurns ? tenants.count : heap.count }
  var ledger: TenantLedger { isFlagship ? flagship.turns.ledger : tenants.ledger }

  /// Tenants take turns by what they were served.
  var takesTurns: Bool { ordering.takesTurns && !isFlagship }

  /// What tenants were served matters, so that running requests have to be charged.
  var counts: Bool { isFlagship ? flagship.isFair : takesTurns }

  /// Key of a candidate: smaller is served first, among the candidates of one tenant where tenants take turns.
  func key(of slot: Int) -> SlotHeap.Key {
    isFlagship ? flagship.key(of: slot) : takesTurns ? tenants.key(of: slot) : heap.key(of: slot)
  }

  /// Puts a slot where it belongs: among the candidates if it is live, waiting and not blocked, else out of them.
  mutating func update(slot: Int, request: Request, facts: QueueFacts, ids: ContiguousArray<String>) {
    version += 1
    guard request.isCandidate else { return remove(slot, request, ids) }
    if takesTurns {
      tenants.insert(slot, request: request, weight: facts.tenantWeight, ids: ids)
    } else {
      let key = key(slot, request, facts)
      insert(slot, request, key, ids)
      if classLines.isOn {
        classLines.insert(slot, index: facts.classIndex, tokens: request.uncachedTokens, key, ids)
      }
    }
  }

  private mutating func insert(
    _ slot: Int, _ request: Request, _ key: SlotHeap.Key, _ ids: ContiguousArray<String>
  ) {
    heap.insert(slot, key, ids)
    if starvationUs != nil { waits.insert(slot, SlotHeap.Key(request.arrivalUs), ids) }
  }

  /// Key of a request that goes first because of its age; nil for one that does not.
  func starvingKey(_ request: Request, nowUs: Int64) -> SlotHeap.Key? {
    guard let starvationUs, request.arrivalUs <= nowUs &- starvationUs else { return nil }
    return SlotHeap.Key(.min, request.arrivalUs)
  }

  /// Lets the candidates go first, in order of arrival, that have waited longer than the policy's bound. O(log waiting)
  /// for each of them, once.
  mutating func promoteStarving(nowUs: Int64, ids: ContiguousArray<String>) {
    guard let starvationUs else { return }
    while let slot = waits.first, waits.key(of: slot).first <= nowUs &- starvationUs {
      let arrivalUs = waits.key(of: slot).first
      waits.remove(slot, ids)
      heap.insert(slot, SlotHeap.Key(.min, arrivalUs), ids)
      if classLines.isOn { classLines.move(slot, SlotHeap.Key(.min, arrivalUs), ids) }
      version += 1
    }
  }

  /// Puts a candidate behind all others, by arrival, until it changes or is older than the starvation bound. Nothing
  /// where tenants take turns. Returns whether it stands there now.
  mutating func setAside(_ slot: Int, request: Request, ids: ContiguousArray<String>) -> Bool {
    guard !isFlagship, !takesTurns, heap.contains(slot), heap.key(of: slot).first != .min else { return false }
    heap.insert(slot, SlotHeap.Key(.max, request.arrivalUs), ids)
    if classLines.isOn { classLines.move(slot, SlotHeap.Key(.max, request.arrivalUs), ids) }
    version += 1
    return true
  }

  /// Puts a candidate of the flagship where the planner's key says.
  mutating func update(
    slot: Int, request: Request, key: SlotHeap.Key, tenantWeight: Int, ids: ContiguousArray<String>
  ) {
    version += 1
    guard request.isCandidate else { return flagship.remove(slot, ids: ids) }
    flagship.insert(slot, request: request, key: key, weight: tenantWeight, ids: ids)
  }

  private mutating func remove(_ slot: Int, _ request: Request, _ ids: ContiguousArray<String>) {
    if takesTurns { return tenants.remove(slot, ids: ids) }
    if ordering == .weightedFair, request.isRunning, heap.contains(slot) { tags.admitted(slot: slot) }
    heap.remove(slot, ids)
    waits.remove(slot, ids)
    if classLines.isOn { classLines.remove(slot, ids) }
  }

  // MARK: - Charges, where tenants take turns

  /// Charges a request for what it got since the last call. Before the updates of a Step, so that whoever arrives in it
  /// is compared with what the others really had.
  mutating func charge(slot: Int, request: Request, weight: Int, ids: ContiguousArray<String>) {
    if isFlagship { return flagship.charge(slot: slot, request: request, weight: weight) }
    version += 1
    tenants.settle(slot: slot, request: request, weight: weight, ids: ids)
  }

  /// The plan made last is history: what it would have charged is charged as it happened, or never.
  mutating func forgetPlanned(ids: ContiguousArray<String>) {
    if !isFlagship { tenants.forgetPlanned(ids) }
  }

  /// Starts to count a request as it is: what it got under an ordering that does not count is free.
  mutating func adopt(slot: Int, request: Request) {
    if isFlagship { flagship.adopt(slot: slot, request: request) } else { tenants.adopt(slot: slot, request: request) }
  }

  /// Notes that the plan in the making admits a request which the walk returned.
  mutating func admit(_ slot: Int, request: Request, ids: ContiguousArray<String>) {
    if takesTurns { tenants.admit(slot, request: request, ids: ids) }
  }

  // MARK: - Walking

  /// Starts a walk over the candidates, best first. The queue must not change until the walk is over.
  /// - Parameter admitting: what the walk returns may be admitted; `admit` says what was.
  mutating func beginWalk(admitting: Bool = false, ids: ContiguousArray<String>) {
    if isFlagship {
      flagship.beginWalk()
    } else if takesTurns {
      tenants.beginWalk(admitting: admitting, ids: ids)
    } else {
      heap.beginWalk()
    }
  }

  /// Next best candidate's slot, or nil at the end. k calls cost O(k log k), O(k log waiting) where tenants take turns.
  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    isFlagship ? flagship.next(ids) : takesTurns ? tenants.next(ids) : heap.next(ids)
  }

  /// Starts a walk over the candidates of one class, best first.
  mutating func beginWalk(ofClass index: Int) { classLines.beginWalk(index) }

  mutating func next(ofClass index: Int, _ ids: ContiguousArray<String>) -> Int? { classLines.next(index, ids) }

  // MARK: - The flagship's walks

  /// Settles which tenants are ahead of others that wait.
  mutating func refreshTurns(nowUs: Int64, ids: ContiguousArray<String>) {
    if isFlagship, flagship.refresh(nowUs: nowUs, ids: ids) { version += 1 }
  }

  /// Level of a waiting request's tenant: higher ones wait for lower ones.
  func level(of request: Request) -> Int { flagship.level(of: request) }

  /// Whether tenants wait that are ahead of others who wait.
  var hasTenantsAhead: Bool { flagship.hasAhead }

  func isEmpty(_ lane: FlagshipQueue.Lane, level: Int) -> Bool { flagship.isEmpty(lane, level: level) }

  mutating func beginWalk(_ lane: FlagshipQueue.Lane, level: Int) { flagship.beginWalk(lane, level: level) }

  mutating func next(_ lane: FlagshipQueue.Lane, _ ids: ContiguousArray<String>) -> Int? { flagship.next(lane, ids) }

  // MARK: - Keys

  /// Key of a request, running or waiting, where tenants do not take turns.
  mutating func key(_ slot: Int, _ request: Request, _ facts: QueueFacts) -> SlotHeap.Key {
    let deadlineUs = request.arrivalUs &+ Int64(facts.ttftSLOMs) * 1_000
    switch ordering {
    // The one preempted last is first: vLLM V1 prepends.
    case .fcfs, .vtc, .dlpm: return SlotHeap.Key(0, prepends ? -request.requeueSerial : 0, request.arrivalUs)
    case .priority: return SlotHeap.Key(Int64(facts.rank), 0, request.arrivalUs)
    case .edf: return SlotHeap.Key(deadlineUs, 0, request.arrivalUs)
    // Slack is deadline - now - work. While requests wait, all lose it at the same pace: the order stands still.
    case .leastSlack: return SlotHeap.Key(deadlineUs &- facts.prefillUs, 0, request.arrivalUs)
    case .sjfPredicted:
      return SlotHeap.Key(Int64(request.uncachedTokens + facts.expectedOutputTokens), 0, request.arrivalUs)
    // The planner's own key takes its place (SchedulerCore+Goodput).
    case .goodput: return SlotHeap.Key(deadlineUs, 0, request.arrivalUs)
    case .mlfq, .qoserve, .mooreHodgson, .srpt: return facts.rankKey
    case .weightedFair: return SlotHeap.Key(tags.tag(slot: slot, request: request, facts: facts), 0, request.arrivalUs)
    }
  }
}
