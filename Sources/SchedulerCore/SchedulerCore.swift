/// The scheduler of one engine session: a mirror of the engine's queue, and the stages that make a plan of it.
///
/// Pure: the same calls with the same values give the same plans, byte for byte, in every process. `apply` costs
/// O(changed + launched), `plan` O(running + admitted log waiting); neither ever walks the waiting queue.
///
/// Codable, with everything it holds: a recording starts from a copy of the core, and another process goes on from it
/// (Docs/recordings.md). State that is not encoded would show as a plan that differs on replay.
public struct SchedulerCore: Codable, Sendable {
  public let engine: EngineDescription
  public private(set) var policy: PolicyConfig

  var mirror: Mirror
  var queue: QueueManager
  var groups: RequestGroups
  var classes: ClassResolver
  var tenantWeights: TenantWeights
  var batch: BatchPlanner
  var chunks = ChunkRoom()
  var slices: SliceBook
  var admission: AdmissionController
  var admissionLines: AdmissionLines
  var capacity: CapacityLedger
  var pressure = PressureGuard()
  var preemption: PreemptionController
  var speculation: SpeculationController
  var memory: MemoryManager
  /// nil for engines whose prefixes have no names.
  var cache: CacheController?
  var residency: AdapterResidency
  var placement = PlacementManager()
  var exerciser: Exerciser
  var orca: OrcaReservation
  var peak: PeakNeed
  var ranked: RankedPlanner
  var goodput: GoodputPlanner
  var budget: IterationBudget
  var draft = PlanDraft()
  var publication = PlanPublication()
  /// The last plan held back because the ones before it could not be run.
  var heldForStall = false
  /// Whether the last plan asked to preempt anybody.
  var preemptedLast = false

  /// - Parameters:
  ///   - engine: what Register said.
  ///   - policy: decoded policy; its limits never raise the engine's.
  ///   - limits: how much of the engine's queue is mirrored.
  public init(engine: EngineDescription, policy: PolicyConfig, limits: MirrorLimits = MirrorLimits()) {
    self.engine = engine
    self.policy = policy
    mirror = Mirror(engine: engine, limits: limits)
    classes = ClassResolver(policy)
    tenantWeights = TenantWeights(policy)
    batch = BatchPlanner(engine: engine, policy: policy)
    slices = SliceBook(policy: policy)
    admission = AdmissionController(engine: engine, policy: policy)
    admissionLines = AdmissionLines(policy: policy)
    capacity = CapacityLedger(engine: engine, policy: policy)
    preemption = PreemptionController(engine: engine, policy: policy)
    speculation = SpeculationController(engine: engine, policy: policy)
    let geometry = KVGeometry(engine.model)
    memory = MemoryManager(geometry: geometry, policy: policy)
    residency = AdapterResidency(engine: engine)
    budget = IterationBudget(geometry: geometry)
    exerciser = Exerciser(engine: engine)
    orca = OrcaReservation(engine: engine)
    peak = PeakNeed(engine: engine)
    ranked = RankedPlanner(policy: policy, maySwap: preemption.maySwap)
    goodput = GoodputPlanner(engine: engine, policy: policy)
    cache = CacheController(engine: engine, policy: policy, attentionTokens: goodput.time.prices.attentionTokens)
    queue = QueueManager(policy: policy, batchTokens: goodput.kvCapacityTokens)
    groups = RequestGroups(policy: policy)
  }

  /// Applies one Step to the mirror, in the order of session rule 6. After an error the mirror is worthless: drop it.
  public mutating func apply(_ delta: StepDelta) throws(StepRejection) {
    try mirror.apply(delta)
    exerciser.observe(epoch: delta.epoch, seq: delta.seq, arrivals: delta.arrived.h.count)
    learn()
    preemption.observe(mirror.table, nowUs: mirror.nowUs)
    cache?.observe(delta, mirror.table, nowUs: mirror.nowUs)
    requeueChanged()
    cache?.noteProgress(mirror.table.requests, nowUs: mirror.nowUs)
  }

  /// Makes the plan that answers the Step applied last. `plan` is emptied first and keeps its storage.
  public mutating func plan(resources: ResourceSnapshot, into plan: inout StepPlan) {
    mirror.compactRunning()
    openBudget()
    pressure.open(resources)
    preemption.open(resources, allowsHostTier: pressure.allowsHostTier, nowUs: mirror.nowUs)
    draft.open(slotCount: mirror.table.requests.count)
    setAside()
    queue.promoteStarving(nowUs: mirror.nowUs, ids: mirror.table.ids)
    queue.refreshTurns(nowUs: mirror.nowUs, ids: mirror.table.ids)
    if policy.ordering.isRanked { refreshRanks() }
    if policy.batchStrategy == .exerciser, !exerciser.isCalm {
      runExerciser()
    } else if policy.batchStrategy == .goodput {
      if !breakStall() { planGoodput(resources) }
    } else if servesByRank {
      if !breakStall() {
        planRanked()
        scheduleAlone()
      }
    } else if !breakStall() {
      planDrafts(resources)
      openChunks()
      if capacity.isOn { openCapacity() }
      if sharesBySlices {
        planSlices()
      } else {
        scheduleRunning()
        resumeCut()
        admitWaiting()
      }
      scheduleAlone()
    }
    if policy.batchStrategy != .exerciser { turnAway() }
    draft.closeItems()
    preemption.close(draft, takenBlocks: budget.takenBlocks)
    preemptedLast = draft.preemptedCount > 0
    let cachePlan = cache == nil ? nil : planCache(resources)
    publish(resources, into: &plan)
    if let cachePlan { plan.cache = cachePlan }
  }

  /// The plan made last never reached the engine in time: it may not be reported as launched.
  public mutating func dropPlan() {
    mirror.planned.removeAll()
    memory.newsWasLost()
    cache?.planWasLost()
    placement.newsWasLost()
    publication.forget()
  }

  /// Takes effect with the next plan. Waiting requests are put in the new order, O(tracked log waiting); a change that
  /// orders nothing anew costs nothing of the kind.
  public mutating func setPolicy(_ policy: PolicyConfig) {
    let keepsOrder = policy.keepsOrder(of: self.policy)
    let keepsAdmission = policy.admission == self.policy.admission
    if !policy.keepsShares(of: self.policy) { capacity = CapacityLedger(engine: engine, policy: policy) }
    if policy.classes != self.policy.classes || policy.defaultClass != self.policy.defaultClass {
      classes = ClassResolver(policy)
    }
    self.policy = policy
    tenantWeights = TenantWeights(policy)
    batch = BatchPlanner(engine: engine, policy: policy)
    if policy.batch.sliceIterations != slices.iterations { slices = SliceBook(policy: policy) }
    preemption = preemption.renewed(engine: engine, policy: policy)
    admission = AdmissionController(engine: engine, policy: policy)
    speculation.setPolicy(policy)
    memory.setPolicy(policy)
    cache?.setPolicy(policy)
    goodput.setPolicy(policy)
    if policy.ordering != ranked.ordering || policy.deadlineAnchor != ranked.anchor {
      ranked = RankedPlanner(policy: policy, maySwap: preemption.maySwap)
    }
    if !keepsAdmission { admissionLines = AdmissionLines(policy: policy) }
    if !keepsOrder || !keepsAdmission { renewQueue() }
    publication.forget()
  }

  private mutating func openBudget() {
    let running = mirror.table.sums.running
    budget.open(
      tokens: stepTokensMost,
      sequences: max(
        0, min(engine.limits.sequences, limitsIterations ? .max : policy.sequences ?? .max) - running),
      freeBlocks: mirror.freeBlocks, watermarkBlocks: memory.watermarkBlocks, adapterLimit: engine.limits.adapters)
  }
}

// MARK: - What views and metrics read

extension SchedulerCore {
  public var telemetry: Telemetry { mirror.telemetry }
  public var counts: StepDelta.Check { mirror.table.sums }
  public var freeBlocks: [Int] { Array(mirror.freeBlocks) }
  /// The engine's clock at the Step applied last, in microseconds.
  public var nowUs: Int64 { mirror.nowUs }
  /// Tokens charged since Register.
  public var chargedTokens: Int { mirror.charges.totalTokens }
  /// The waiting request passed over last, with its one binding constraint.
  public var binding: PlanReason? { draft.binding }

  /// Hands the tokens charged per tenant since the last call to `body`; tenants without any are left out.
  public mutating func takeCharges(_ body: (_ tenant: String, _ tokens: Int) -> Void) {
    let names = mirror.names
    mirror.takeCharges { body(names.name($0), $1) }
  }

  /// Bounded copy of the mirror: running requests in order of admission, then waiting ones in the order in which they
  /// would be served, then blocked ones. O(limit log limit), and at most `limit` slots are searched for blocked ones.
  public mutating func requests(limit: Int) -> [RequestView] {
    mirror.compactRunning()
    var views: [RequestView] = []
    for slot in mirror.table.running.prefix(limit) { views.append(view(Int(slot))) }
    queue.beginWalk(ids: mirror.table.ids)
    while views.count < limit, let slot = queue.next(mirror.table.ids) { views.append(view(slot)) }
    guard mirror.table.sums.blocked > 0 else { return views }
    for slot in mirror.table.requests.indices {
      guard views.count < limit else { break }
      let request = mirror.table.requests[slot]
      if request.isLive, request.isBlocked, !request.isRunning { views.append(view(slot)) }
    }
    return views
  }

  private func view(_ slot: Int) -> RequestView {
    let request = mirror.table.requests[slot]
    let names = mirror.names
    return RequestView(
      h: request.handle, id: mirror.table.ids[slot], tenant: names.name(Int(request.tenant)),
      className: names.name(Int(request.className)), adapter: names.name(Int(request.adapter)),
      running: request.isRunning, blocked: request.isBlocked, promptTokens: request.promptTokens,
      maxOutputTokens: request.maxOutputTokens, computedTokens: request.computedTokens,
      outputTokens: request.outputTokens, ageUs: mirror.nowUs &- request.arrivalUs)
  }
}
