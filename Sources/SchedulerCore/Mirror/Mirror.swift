/// The sidecar's copy of one engine's queue, built from messages only (Docs/wire.md, session rules 5 to 10).
///
/// `apply` checks as it goes and throws at the first contradiction: the caller then drops the whole mirror, so nothing
/// is ever undone. Charges are staged and become real only when the whole Step was good.
struct Mirror: Codable, Sendable {
  /// A request that ended by itself, with the length of its answer.
  struct Ending: Codable, Sendable {
    var promptTokens: Int
    var outputTokens: Int
  }

  let limits: MirrorLimits
  private(set) var table = RequestTable()
  private(set) var names = NameTable()
  /// Free blocks per pool as the engine said last.
  private(set) var freeBlocks: ContiguousArray<Int>
  /// The session's time: the engine's clock without its steps back (session rule 12).
  private(set) var nowUs: Int64
  /// The engine's clock as it was told last.
  private var engineNowUs: Int64
  private(set) var charges = TenantCharges()
  private(set) var telemetry = Telemetry()
  /// The last settled iteration that ran exactly as planned, until it is taken.
  private var observation: IterationObservation?
  /// Output lengths of requests that ended by themselves, until they are taken.
  private var endings: ContiguousArray<Ending> = []
  /// What became of drafts, until it is taken.
  private var outcomes: ContiguousArray<DraftOutcome> = []
  /// The plan given out last, waiting for the Step that says what became of it.
  var planned = PlannedStep()
  private var unsettled = UnsettledPlans()
  private var lastSeq: UInt64 = 0
  private let inFlightMax: Int
  /// The adapters that the engine is believed to hold: it says how many it has room for, and not which they are.
  private(set) var adapters: ResidentAdapters

  init(engine: EngineDescription, limits: MirrorLimits) {
    self.limits = limits
    freeBlocks = ContiguousArray(engine.model.pools.map(\.blocks))
    nowUs = engine.nowUs
    engineNowUs = engine.nowUs
    inFlightMax = engine.inFlightMax
    adapters = ResidentAdapters(capacity: engine.limits.adapters)
  }

  /// Plans that are launched and not settled.
  var unsettledPlans: Int { unsettled.count }

  mutating func apply(_ delta: StepDelta) throws(StepRejection) {
    try applyClockAndPools(delta)
    try applyNames(delta.names)
    try applyArrivals(delta.arrived)
    try applyLaunched(delta)
    try applySettled(delta.settled)
    try applyState(delta.state)
    try applyRemoved(delta)
    try applyBlocked(delta)
    try applyUntracked(delta)
    try verify(delta)
    charges.commit()
    lastSeq = delta.seq
    unsettled.releaseHandles()
    telemetry.steps += 1
  }

  private mutating func applyClockAndPools(_ delta: StepDelta) throws(StepRejection) {
    guard delta.kvFreeBlocks.count == freeBlocks.count else {
      throw StepRejection(
        field: "/kv_free_blocks",
        reason: "\(delta.kvFreeBlocks.count) counts; expected one per pool: \(freeBlocks.count)")
    }
    guard delta.kvCachedBlocks.isEmpty || delta.kvCachedBlocks.count == freeBlocks.count else {
      throw StepRejection(
        field: "/kv_cached_blocks",
        reason: "\(delta.kvCachedBlocks.count) counts; expected one per pool: \(freeBlocks.count)")
    }
    for pool in freeBlocks.indices { freeBlocks[pool] = delta.kvFreeBlocks[pool] }
    // A step back counts as no time, and time goes on from there; a jump forward is believed.
    if delta.nowUs < engineNowUs {
      telemetry.clockStepsBack += 1
    } else {
      nowUs &+= delta.nowUs &- engineNowUs
    }
    engineNowUs = delta.nowUs
  }

  private mutating func applyNames(_ added: [String]) throws(StepRejection) {
    guard !added.isEmpty else { return }
    guard names.count + added.count <= limits.names else {
      throw StepRejection(field: "/names", reason: "more than \(limits.names) names in one session")
    }
    for name in added { names.append(name) }
    charges.grow(to: names.count)
  }

  private mutating func applyArrivals(_ arrived: StepDelta.Arrivals) throws(StepRejection) {
    guard !arrived.h.isEmpty else { return }
    guard arrived.h.count <= limits.arrivedPerStep else {
      throw StepRejection(
        field: "/arrived/h", reason: "\(arrived.h.count) arrivals; expected at most \(limits.arrivedPerStep)")
    }
    guard table.count + arrived.h.count <= limits.running + limits.waiting else {
      throw StepRejection(
        field: "/arrived/h",
        reason: "more requests than mirrored: \(limits.running) running + \(limits.waiting) waiting")
    }
    for i in arrived.h.indices { try insertArrival(arrived, i) }
  }

  private mutating func insertArrival(_ arrived: StepDelta.Arrivals, _ i: Int) throws(StepRejection) {
    let handle = arrived.h[i]
    guard table.slot(of: handle) == nil else {
      throw StepRejection(field: "/arrived/h/\(i)", reason: "handle \(handle) is live already")
    }
    guard !unsettled.holds(handle: handle) else {
      throw StepRejection(
        field: "/arrived/h/\(i)", reason: "handle \(handle) returns before the plans of its last life were settled")
    }
    func name(_ column: [Int], _ field: String, optional: Bool) throws(StepRejection) -> Int32 {
      let index = column.isEmpty ? -1 : column[i]
      guard (index >= 0 && index < names.count) || (optional && index == -1) else {
        throw StepRejection(
          field: "/arrived/\(field)/\(i)", reason: "name \(index) was never sent; expected 0 to \(names.count - 1)")
      }
      return Int32(index)
    }
    let request = Request(
      handle: handle, tenant: try name(arrived.tenant, "tenant", optional: false),
      className: try name(arrived.requestClass, "class", optional: false),
      adapter: try name(arrived.adapter, "adapter", optional: true), promptTokens: arrived.prompt[i],
      maxOutputTokens: arrived.maxOutput[i], arrivalUs: nowUs &- arrived.ageUs[i],
      cachedTokens: arrived.cachedTokens.isEmpty ? 0 : arrived.cachedTokens[i],
      ttftSLOMs: arrived.ttftSLOMs.isEmpty ? 0 : arrived.ttftSLOMs[i],
      tpotSLOMs: arrived.tpotSLOMs.isEmpty ? 0 : arrived.tpotSLOMs[i])
    table.insert(request, id: arrived.id[i])
    telemetry.arrivals += 1
  }

  // MARK: - Launched

  private mutating func applyLaunched(_ delta: StepDelta) throws(StepRejection) {
    let launched = delta.launched
    // An absent `launched` decodes as seq 0, mode plan: as planned.
    guard launched.seq == lastSeq || (launched.seq == 0 && launched.mode == .plan) else {
      throw StepRejection(field: "/launched/seq", reason: "\(launched.seq); expected the last Step's seq \(lastSeq)")
    }
    switch launched.mode {
    case .plan: try applyLaunchedPlan(launched)
    case .fallback: try applyFallback(launched)
    case .none: telemetry.plansDropped += planned.exists && !planned.items.isEmpty ? 1 : 0
    }
    planned.removeAll()
  }

  private mutating func applyLaunchedPlan(_ launched: StepDelta.Launched) throws(StepRejection) {
    guard planned.exists else {
      // A sync Step gets no plan: nothing is what was planned.
      guard launched.h.isEmpty else {
        throw StepRejection(
          field: "/launched/mode", reason: "no plan answered Step \(lastSeq); expected none or fallback")
      }
      return
    }
    applyVerbs()
    try chargeExceptions(launched)
    let plannedTokens = planned.tokens
    let executed = try applyItems(launched)
    telemetry.recordLaunch(plannedTokens: plannedTokens, executedTokens: executed)
  }

  private mutating func applyVerbs() {
    for verb in planned.verbs {
      let slot = Int(verb.slot)
      guard table.requests[slot].isLive, table.requests[slot].isRunning else { continue }
      let request = table.requests[slot]
      switch verb.kind {
      case .truncate:
        if verb.keepTokens > 0, verb.keepTokens < request.computedTokens {
          table.setTokens(slot: slot, computed: verb.keepTokens, output: request.outputTokens)
        }
      case .requeue:
        table.setTokens(slot: slot, computed: 0, output: request.outputTokens)
        table.setRunning(slot: slot, false)
      case .swap: table.swapOut(slot: slot)
      }
    }
  }

  /// Exceptions pay for what really ran; their state comes absolute in `state`.
  private mutating func chargeExceptions(_ launched: StepDelta.Launched) throws(StepRejection) {
    named.removeAll(slotCount: table.requests.count)
    for i in launched.h.indices {
      guard let slot = table.slot(of: launched.h[i]) else {
        throw StepRejection(field: "/launched/x/h/\(i)", reason: "handle \(launched.h[i]) is unknown")
      }
      guard named.insert(slot) else {
        throw StepRejection(field: "/launched/x/h/\(i)", reason: "handle \(launched.h[i]) is named twice")
      }
      charges.stage(tenant: Int(table.requests[slot].tenant), tokens: launched.n[i])
      telemetry.recordException(launched.why[i], executedTokens: launched.n[i])
    }
  }
  /// Slots that the list being read has named: exceptions, fallback work, state, blocked and ready.
  private var named = SlotMarks()

  /// Applies every planned item that is no exception. Returns the tokens that ran, exceptions apart.
  private mutating func applyItems(_ launched: StepDelta.Launched) throws(StepRejection) -> Int {
    var record = unsettled.reuse(seq: lastSeq)
    let exceptions = !launched.h.isEmpty
    adapters.open()
    // The plan is spent: the record takes its items over, storage and all.
    swap(&record.items, &planned.items)
    let isPlain = !exceptions && launched.drafted.isEmpty && record.items.allSatisfy { $0.k == 0 }
    let executed = isPlain ? launchPlain(&record) : try launchItems(&record, launched)
    // A plan without work settles at once.
    guard !record.items.isEmpty else { return executed }
    record.isAsPlanned = !exceptions
    record.adapterLoads = adapters.close()
    if exceptions { recordUnplanned(launched, &record) }
    unsettled.append(record)
    return executed
  }

  /// The usual case: everything ran as planned, and without drafts.
  private mutating func launchPlain(_ record: inout LaunchRecord) -> Int {
    charges.stage(record.items, table.requests)
    var features = IterationFeatures()
    var executed = 0
    let hasAdapters = adapters.capacity > 0
    table.launch(&record) { request, tokens in
      executed += tokens
      features.add(request, tokens: tokens)
      if hasAdapters, request.adapter >= 0 { adapters.use(request.adapter) }
    }
    record.features = features
    return executed
  }

  private mutating func launchItems(
    _ record: inout LaunchRecord, _ launched: StepDelta.Launched
  ) throws(StepRejection) -> Int {
    var digit = 0
    var executed = 0
    let exceptions = !launched.h.isEmpty
    for index in record.items.indices {
      let item = record.items[index]
      // Nobody leaves the mirror between a plan and the Step that reports it, so the slot still holds this request.
      let slot = Int(item.slot)
      var k = Int(item.k)
      if k > 0, launched.hasDrafted {
        guard digit < launched.drafted.count, launched.drafted[digit] <= UInt8(k) else {
          throw StepRejection(
            field: "/launched/drafted", reason: "expected one digit per item planned with drafts, none above its plan")
        }
        k = Int(launched.drafted[digit])
        digit += 1
      }
      if exceptions, named.contains(slot) {
        named.remove(slot)
        if item.k > 0 { record.drafted.append(LaunchRecord.Drafted(slot: item.slot, handle: item.handle, k: 0)) }
        table.addUnsettledPlan(slot: slot)
        record.items[index].yield = .asReported
        noteAdapter(table.requests[slot])
        continue
      }
      let tokens = Int(item.n) - Int(item.k) + k
      executed += tokens
      let request = table.requests[slot]
      charges.stage(tenant: Int(request.tenant), tokens: tokens)
      record.features.add(request, tokens: tokens)
      noteAdapter(request)
      if table.launch(slot: slot, tokens: tokens, drafts: k) { record.items[index].yield = .token }
      if item.k > 0 {
        record.drafted.append(
          LaunchRecord.Drafted(slot: item.slot, handle: item.handle, k: Int32(k), shape: item.shape.cut(to: k)))
      }
    }
    guard digit == launched.drafted.count else {
      throw StepRejection(
        field: "/launched/drafted", reason: "\(launched.drafted.count) digits; expected \(digit), one per drafting item"
      )
    }
    return executed
  }

  private mutating func noteAdapter(_ request: Request) {
    if request.adapter >= 0, adapters.capacity > 0 { adapters.use(request.adapter) }
  }

  /// Exceptions that no plan asked for are in flight as well.
  private mutating func recordUnplanned(_ launched: StepDelta.Launched, _ record: inout LaunchRecord) {
    for handle in launched.h {
      guard let slot = table.slot(of: handle), named.contains(slot) else { continue }
      record.items.append(PlannedStep.Item(slot: Int32(slot), handle: handle, n: 0, k: 0, yield: .asReported))
      table.addUnsettledPlan(slot: slot)
    }
  }

  private mutating func applyFallback(_ launched: StepDelta.Launched) throws(StepRejection) {
    var record = unsettled.reuse(seq: lastSeq)
    named.removeAll(slotCount: table.requests.count)
    adapters.open()
    for i in launched.h.indices {
      guard let slot = table.slot(of: launched.h[i]) else {
        throw StepRejection(field: "/launched/h/\(i)", reason: "handle \(launched.h[i]) is unknown")
      }
      guard named.insert(slot) else {
        throw StepRejection(field: "/launched/h/\(i)", reason: "handle \(launched.h[i]) is named twice")
      }
      charges.stage(tenant: Int(table.requests[slot].tenant), tokens: launched.n[i])
      record.items.append(
        PlannedStep.Item(slot: Int32(slot), handle: launched.h[i], n: 0, k: 0, yield: .asReported))
      table.addUnsettledPlan(slot: slot)
      noteAdapter(table.requests[slot])
    }
    record.adapterLoads = adapters.close()
    telemetry.fallbackSteps += 1
    telemetry.fallbackIterations += launched.iterations
    // Even a fallback of untracked work only is settled by seq.
    unsettled.append(record)
  }

  // MARK: - Settled

  private mutating func applySettled(_ settled: StepDelta.Settlements) throws(StepRejection) {
    var start = 0
    for i in settled.seq.indices {
      let end = settled.acceptedEnd[i]
      defer { start = end }
      let seq = settled.seq[i]
      guard seq <= lastSeq, i == 0 || seq > settled.seq[i - 1] else {
        throw StepRejection(
          field: "/settled/\(i)/seq", reason: "\(seq) is no launched Step, or out of order; the last is \(lastSeq)")
      }
      guard let record = unsettled.take(seq: seq) else {
        // A plan without work settled when it was launched; saying so again is harmless.
        guard unsettled.isOlderThanAll(seq), end == start else {
          throw StepRejection(field: "/settled/\(i)/seq", reason: "\(seq) is settled already or was never launched")
        }
        continue
      }
      table.settle(record, elapsedUs: settled.elapsedUs[i], at: nowUs)
      if record.isAsPlanned {
        observation = IterationObservation(
          features: record.features, elapsedUs: settled.elapsedUs[i],
          draftDepth: record.drafted.reduce(0) { max($0, $1.depth) },
          acceptedDrafts: settled.accepted[start..<end].reduce(0) { $0 + Int($1) },
          adapterLoads: record.adapterLoads)
      }
      // Of a tree some drafts are always wrong: only of chains may it be left out that all were right.
      if end > start || record.hasTrees { try applyAccepted(settled.accepted[start..<end], record, index: i) }
      telemetry.recordSettled(elapsedUs: settled.elapsedUs[i])
      unsettled.recycle(record)
    }
    guard unsettled.count <= max(0, inFlightMax - 1) else {
      throw StepRejection(
        field: "/settled", reason: "\(unsettled.count) launched plans unsettled; expected at most \(inFlightMax - 1)")
    }
  }

  /// Rejected drafts come off again; the bonus token stays.
  private mutating func applyAccepted(
    _ accepted: ArraySlice<UInt8>, _ record: LaunchRecord, index: Int
  ) throws(StepRejection) {
    guard accepted.count == record.drafted.count else {
      throw StepRejection(
        field: "/settled/\(index)/accepted",
        reason: "\(accepted.count) digits; expected \(record.drafted.count), one per drafting item")
    }
    for (drafted, accepted) in zip(record.drafted, accepted) {
      guard accepted <= drafted.depth else {
        throw StepRejection(
          field: "/settled/\(index)/accepted",
          reason: "\(accepted) accepted of \(drafted.k) drafts of \(drafted.handle), \(drafted.depth) deep")
      }
      let rejected = Int(drafted.k) - Int(accepted)
      telemetry.draftedTokens += Int(drafted.k)
      telemetry.acceptedTokens += Int(accepted)
      guard table.requests[Int(drafted.slot)].isSame(as: drafted.handle) else { continue }
      table.deliver(slot: Int(drafted.slot), tokens: Int(accepted), at: nowUs)
      if drafted.k > 0 { noteOutcome(drafted, accepted: Int(accepted)) }
      guard rejected > 0 else { continue }
      table.addTokens(slot: Int(drafted.slot), computed: -rejected, output: -rejected)
    }
  }

  private mutating func noteOutcome(_ drafted: LaunchRecord.Drafted, accepted: Int) {
    let request = table.requests[Int(drafted.slot)]
    outcomes.append(
      DraftOutcome(
        slot: drafted.slot, serial: request.serial, drafted: Int(drafted.k), shape: drafted.shape,
        accepted: accepted, deliveredTokens: request.deliveredTokens))
  }

  // MARK: - Absolute state

  private mutating func applyState(_ state: StepDelta.State) throws(StepRejection) {
    named.removeAll(slotCount: table.requests.count)
    for i in state.h.indices {
      guard let slot = table.slot(of: state.h[i]) else {
        throw StepRejection(field: "/state/h/\(i)", reason: "handle \(state.h[i]) is unknown")
      }
      guard named.insert(slot) else {
        throw StepRejection(field: "/state/h/\(i)", reason: "handle \(state.h[i]) is named twice")
      }
      let request = table.requests[slot]
      let most = request.promptTokens + state.output[i]
      guard state.computed[i] <= most else {
        throw StepRejection(
          field: "/state/computed/\(i)", reason: "\(state.computed[i]); expected at most prompt + output = \(most)")
      }
      if request.isRunning, !state.running[i] { telemetry.enginePreemptions += 1 }
      table.setTokens(slot: slot, computed: state.computed[i], output: state.output[i])
      table.setRunning(slot: slot, state.running[i])
    }
  }

  private mutating func applyRemoved(_ delta: StepDelta) throws(StepRejection) {
    for i in delta.removed.indices {
      let handle = delta.removed[i]
      guard let slot = table.slot(of: handle) else {
        throw StepRejection(field: "/removed/h/\(i)", reason: "handle \(handle) is unknown")
      }
      if delta.removedWhy[i].isNatural { recordEnding(slot) }
      table.remove(slot: slot)
      unsettled.retire(handle: handle, removedIn: delta.seq)
      telemetry.removals += 1
    }
  }

  private mutating func recordEnding(_ slot: Int) {
    let request = table.requests[slot]
    guard request.outputTokens > 0 else { return }
    endings.append(Ending(promptTokens: request.promptTokens, outputTokens: request.outputTokens))
  }

  /// Both lists carry the net state, so that nobody is in them twice.
  private mutating func applyBlocked(_ delta: StepDelta) throws(StepRejection) {
    guard !delta.blocked.isEmpty || !delta.ready.isEmpty else { return }
    named.removeAll(slotCount: table.requests.count)
    for i in delta.blocked.indices { try setBlocked(delta.blocked[i], true, field: "/blocked/h/\(i)") }
    for i in delta.ready.indices { try setBlocked(delta.ready[i], false, field: "/ready/\(i)") }
  }

  private mutating func setBlocked(
    _ handle: RequestHandle, _ blocked: Bool, field: @autoclosure () -> String
  ) throws(StepRejection) {
    guard let slot = table.slot(of: handle) else {
      throw StepRejection(field: field(), reason: "handle \(handle) is unknown")
    }
    guard named.insert(slot) else {
      throw StepRejection(field: field(), reason: "handle \(handle) is named twice; expected its net state")
    }
    table.setBlocked(slot: slot, blocked)
  }

  private mutating func applyUntracked(_ delta: StepDelta) throws(StepRejection) {
    for i in delta.untrackedTenant.indices {
      let tenant = delta.untrackedTenant[i]
      guard tenant >= 0, tenant < names.count else {
        throw StepRejection(
          field: "/untracked_tokens/tenant/\(i)",
          reason: "name \(tenant) was never sent; expected 0 to \(names.count - 1)")
      }
      charges.stage(tenant: tenant, tokens: delta.untrackedTokens[i])
    }
  }

  // MARK: - Check and spot

  private func verify(_ delta: StepDelta) throws(StepRejection) {
    if let check = delta.check, check != table.sums {
      throw StepRejection(field: "/check/\(check.firstDifference(from: table.sums))", reason: "check differs")
    }
    guard let spot = delta.spot else { return }
    guard let slot = table.slot(of: spot.h) else {
      throw StepRejection(field: "/spot/0", reason: "handle \(spot.h) is unknown")
    }
    let request = table.requests[slot]
    let mine = StepDelta.Spot(
      h: spot.h, computed: request.computedTokens, output: request.outputTokens, running: request.isRunning,
      blocked: request.isBlocked)
    guard mine == spot else {
      throw StepRejection(field: "/spot/\(spot.firstDifference(from: mine))", reason: "spot differs")
    }
  }

  // MARK: - For the composing core

  /// For what-if questions on a copy.
  mutating func assumeFreeBlocks(_ blocks: [Int]) {
    for pool in freeBlocks.indices { freeBlocks[pool] = blocks[pool] }
  }

  /// More of a waiting request's prompt will be in the cache than it was on arrival.
  mutating func expectHit(slot: Int, tokens: Int) { table.expectHit(slot: slot, tokens: tokens) }

  mutating func takeChanged() -> ContiguousArray<Int32> { table.takeChanged() }

  mutating func giveBack(_ storage: consuming ContiguousArray<Int32>) { table.giveBack(storage) }

  /// The last settled iteration that ran as planned, once.
  mutating func takeObservation() -> IterationObservation? {
    defer { observation = nil }
    return observation
  }

  /// Hands over the requests that ended by themselves since the last call.
  mutating func takeEndings(_ body: (Ending) -> Void) {
    for ending in endings { body(ending) }
    endings.removeAll(keepingCapacity: true)
  }

  /// Hands over what became of drafts since the last call.
  mutating func takeOutcomes(_ body: (DraftOutcome) -> Void) {
    for outcome in outcomes { body(outcome) }
    outcomes.removeAll(keepingCapacity: true)
  }

  mutating func compactRunning() { table.compactRunning() }

  mutating func recordPlan(items: Int, preemptions: Int) {
    telemetry.plans += 1
    if items == 0 { telemetry.emptyPlans += 1 }
    telemetry.plannedPreemptions += preemptions
  }

  /// Tokens charged per name index since the last call; zero entries are left out.
  mutating func takeCharges(_ body: (_ tenant: Int, _ tokens: Int) -> Void) { charges.take(body) }
}
