/// The loop that composes the stages into one iteration: running requests first, then waiting ones, all from one
/// budget. It follows vLLM V1's `schedule()`; the batch strategy changes the walks over the running list, and how many
/// prompts take part.
extension SchedulerCore {
  // MARK: - Running

  mutating func scheduleRunning() {
    let isAllotted = capacity.isOn
    for pass in batch.passes() {
      let running = mirror.table.running
      // Planning never changes the mirror, so the loop may look at its requests where they lie.
      let requests = mirror.table.requests
      let ended = requests.withUnsafeBufferPointer { requests in
        for slot in running.lazy.map(Int.init) where draft.mark(of: slot) == .open {
          if pass != .prefills, scheduleDecode(slot, requests[slot], isAllotted: isAllotted) { continue }
          let request = requests[slot]
          guard !request.isBlocked, batch.belongs(request, to: pass) else { continue }
          if !scheduleOne(slot, request), batch.strategy == .continuous, !isAllotted { return true }
        }
        return false
      }
      if ended { return leaveOutRest(running) }
    }
  }

  /// Serves one running request, the usual case first.
  mutating func serveRunning(_ slot: Int, _ request: Request) {
    if !scheduleDecode(slot, request, isAllotted: capacity.isOn) { _ = scheduleOne(slot, request) }
  }

  /// The usual case, short: a decode of one token that needs no block. False leaves the request to `scheduleOne`, which
  /// decides the same at more length.
  /// - Parameter isAllotted: whether its class's tokens are counted.
  @inline(__always)
  private mutating func scheduleDecode(_ slot: Int, _ request: Request, isAllotted: Bool) -> Bool {
    guard speculation.drafts(slot: slot, for: request) == 0, request.adapter < 0, batch.mayDecode(request),
      !isAllotted || tokensLeft(for: request) > 0, budget.takeToken(at: request.computedTokens)
    else { return false }
    if isAllotted { capacity.take(classIndex(request), tokens: 1) }
    draft.schedule(slot: slot, handle: request.handle, n: 1, k: 0, isRunning: true)
    return true
  }

  /// False when the request was preempted to make room for itself: vLLM V1 ends its loop there.
  private mutating func scheduleOne(_ slot: Int, _ request: Request) -> Bool {
    if preemption.cut.contains(slot: slot) { return true }
    if let reason = batch.exclusion(request) {
      draft.leaveOut(slot: slot, handle: request.handle, reason: reason)
      return true
    }
    guard budget.allows(adapter: request.adapter) else {
      draft.leaveOut(slot: slot, handle: request.handle, reason: .adapterLimit(adapters: budget.adapterCount))
      return true
    }
    let drafts = speculation.drafts(slot: slot, for: request)
    let sized = sized(request, wanted: request.remainingTokens, drafts: drafts)
    guard sized.tokens > 0 else {
      let reason = chunks.count > 0 && batch.takesOneChunk ? sized.reason : nil
      draft.leaveOut(slot: slot, handle: request.handle, reason: reason ?? .pausedBudget(tokens: budget.tokens))
      return true
    }
    guard makeRoom(for: slot, request, tokens: sized.tokens) else { return draft.mark(of: slot) != .preempted }
    let shape = drafts > 0 ? speculation.shape(slot: slot, for: request) : .chain
    take(slot, request, tokens: sized.tokens, drafts: drafts, shape: shape)
    if !request.isDecoding { chunks.take(tokens: sized.tokens, prefix: request.computedTokens) }
    if request.remainingTokens > 1, let reason = sized.reason { draft.explain(request.handle, reason) }
    return true
  }

  /// - Parameter shape: of the `drafts` drafts; where there is room for fewer, the last levels lose theirs.
  mutating func take(_ slot: Int, _ request: Request, tokens: Int, drafts: Int, shape: DraftShape = .chain) {
    budget.take(from: request.computedTokens, tokens: tokens)
    budget.take(adapter: request.adapter)
    if capacity.isOn { capacity.take(classIndex(request), tokens: tokens) }
    // Drafts ride only on work that reaches the last known token.
    let k = max(0, min(drafts, tokens - request.remainingTokens))
    draft.schedule(
      slot: slot, handle: request.handle, n: tokens, k: k, shape: shape.cut(to: k), isRunning: request.isRunning)
  }

  /// Frees blocks until the request can grow. False when it stays out of this iteration.
  mutating func makeRoom(for slot: Int, _ request: Request, tokens: Int) -> Bool {
    let target = request.computedTokens + tokens
    while true {
      let missing = budget.missingBlocks(from: request.computedTokens, to: target, keepWatermark: false)
      if missing == 0 { return true }
      if mayCut, cutFurther(for: slot, missing: missing) { continue }
      guard preemption.isWithinRate, let victim = nextVictim(for: slot, missing: missing) else {
        return giveUp(slot, request, missing: missing)
      }
      let victimRequest = mirror.table.requests[victim]
      guard preemption.mayPreempt(victimRequest) else {
        // It must leave the unsettled plans first: leave it out now, preempt it in a later step.
        if draft.promisedBlocks < missing, preemption.mayPreempt, preemption.mayPause, victim != slot {
          leaveOutForLater(victim, victimRequest, missing: missing)
          continue
        }
        return giveUp(slot, request, missing: missing)
      }
      // Who would have to give way to itself waits with what it has, as long as others go on.
      if mayCut, victim == slot, !draft.items.isEmpty { return giveUp(slot, request, missing: missing) }
      if isReturn(victim, victimRequest, to: slot) {
        giveBack(victim, victimRequest)
        continue
      }
      let choice = means(for: victim, victimRequest, missing: victim == slot ? nil : missing)
      if choice.verb == .truncate {
        cut(victim, victimRequest, choice)
      } else {
        requeue(victim, victimRequest, choice, reason: nil)
      }
      if victim == slot { return false }
    }
  }

  private mutating func nextVictim(for slot: Int? = nil, missing: Int? = nil) -> Int? {
    if capacity.isOn, let victim = victimByShares() { return victim }
    if !servesByRank, preemption.ranksByCost || (preemption.ranksVictims && policy.batchStrategy != .goodput) {
      let victims = rankedVictims(most: 2, missing: missing)
      return mayCut && draft.items.isEmpty ? victims.first { $0 != slot } ?? victims.first : victims.first
    }
    if policy.batchStrategy == .goodput { return goodput.nextVictim(mirror.table, draft) }
    if servesByRank, let slot { return rankedVictim(for: slot) }
    return preemption.nextVictim(mirror.table, classes, draft)
  }

  /// Whether a preempted request's KV may go to host memory now.
  var maySwap: Bool { preemption.maySwap && pressure.allowsHostTier }

  /// Preempts: takes back what the victim was given and counts its blocks as free.
  mutating func requeue(_ victim: Int, _ request: Request, reason: Reason?) {
    requeue(victim, request, means(for: victim, request), reason: reason)
  }

  private mutating func requeue(_ victim: Int, _ request: Request, _ choice: PreemptionChoice, reason: Reason?) {
    takeBack(victim, request)
    let released = budget.release(computed: request.computedTokens)
    if capacity.isOn { releaseShare(victim, request, blocks: released) }
    draft.preempt(slot: victim, verb: choice.verb, toSSD: choice.toSSD)
    preemption.note(victim, request, choice, nowUs: mirror.nowUs)
    if preemption.choosesMeans {
      draft.explain(request.handle, .recomputeCost(us: choice.recomputeUs))
      if let copyUs = choice.copyUs { draft.explain(request.handle, .copyCost(us: copyUs)) }
    }
    draft.explain(request.handle, reason ?? .preemptedKV(blocks: released))
  }

  private mutating func leaveOutForLater(_ victim: Int, _ request: Request, missing: Int) {
    takeBack(victim, request)
    var probe = budget
    let promised = probe.release(computed: request.computedTokens)
    draft.leaveOut(
      slot: victim, handle: request.handle, reason: .pausedKV(missingBlocks: missing), promisedBlocks: promised)
  }

  mutating func takeBack(_ victim: Int, _ request: Request) {
    guard draft.mark(of: victim) == .scheduled else { return }
    let tokens = draft.unschedule(slot: victim)
    budget.refund(from: request.computedTokens, tokens: tokens)
    if capacity.isOn { capacity.refund(classIndex(request), tokens: tokens) }
  }

  private mutating func giveUp(_ slot: Int, _ request: Request, missing: Int) -> Bool {
    guard preemption.mayPause else {
      // The engine cannot leave it out: it makes room by its own rules.
      return true
    }
    draft.leaveOut(slot: slot, handle: request.handle, reason: .pausedKV(missingBlocks: missing))
    return false
  }

  private mutating func leaveOutRest(_ running: ContiguousArray<Int32>) {
    for slot in running.lazy.map(Int.init) where draft.mark(of: slot) == .open {
      let request = mirror.table.requests[slot]
      if request.isBlocked { continue }
      draft.leaveOut(slot: slot, handle: request.handle, reason: .pausedKV(missingBlocks: 0))
    }
  }

  // MARK: - Waiting

  /// What became of a waiting request that was tried.
  enum Trial { case admitted, skipped, stopped }

  /// Admits waiting requests in order, only if nobody was preempted or left out for want of blocks.
  mutating func admitWaiting() {
    if capacity.isOn { return admitByShares() }
    var waiting = beginAdmission()
    var skipped = 0
    while let slot = waiting {
      switch tryToAdmit(slot) {
      case .admitted: break
      case .stopped: return
      case .skipped:
        skipped += 1
        if skipped >= AdmissionController.skipWindow { return }
      }
      waiting = queue.next(mirror.table.ids)
    }
  }

  /// The first waiting request; nil when nobody may be admitted.
  mutating func beginAdmission() -> Int? {
    queue.beginWalk(admitting: true, ids: mirror.table.ids)
    let first = queue.next(mirror.table.ids)
    guard draft.preemptedCount == 0, draft.shortOfBlocks == 0 else {
      if let first { bind(first, .waitingPreemption(victims: draft.preemptedCount + draft.shortOfBlocks)) }
      return nil
    }
    if policy.batchStrategy == .orca { orca.open(mirror.table) }
    openAdmission()
    return first
  }

  mutating func tryToAdmit(_ slot: Int) -> Trial {
    guard budget.tokens > 0 else {
      bind(slot, .waitingBudget(tokens: 0))
      return .stopped
    }
    let request = mirror.table.requests[slot]
    if let reason = pressure.objection(to: request) {
      bind(slot, reason)
      return .skipped
    }
    guard batch.exclusion(request) == nil else { return .skipped }
    switch decide(request, sized(request, wanted: request.uncachedTokens, drafts: 0)) {
    case .admit(let tokens, let chunk):
      admit(slot, request, tokens: tokens, chunk)
      return .admitted
    case .stop(let reason):
      bind(slot, reason)
      return .stopped
    case .skip(let reason):
      bind(slot, reason)
      return .skipped
    }
  }

  mutating func admit(_ slot: Int, _ request: Request, tokens: Int, _ chunk: Reason?) {
    if request.isSwapped { budget.hold(computed: request.computedTokens) }
    take(slot, request, tokens: tokens, drafts: 0)
    if !request.isDecoding {
      chunks.take(tokens: tokens, prefix: request.computedTokens == 0 ? request.cachedTokens : request.computedTokens)
    }
    if sharesBySlices { slices.begin(slot: slot, request) }
    admission.note(slot)
    notePeak(request)
    budget.takeSequence()
    draft.countAdmission()
    queue.admit(slot, request: request, ids: mirror.table.ids)
    if policy.batchStrategy == .orca { orca.take(request) }
    draft.explain(request.handle, chunk ?? .admitted(tokens: tokens))
  }

  mutating func decide(_ request: Request, _ sized: (tokens: Int, reason: Reason?))
    -> AdmissionController.Decision
  {
    if policy.batchStrategy == .orca {
      let missing = orca.missingBlocks(for: request)
      if missing > 0 { return .stop(.waitingKV(missingBlocks: missing)) }
    }
    if let reason = peakObjection(to: request) { return .stop(reason) }
    return admission.decide(
      request, sized: sized, budget: &budget, runningCount: mirror.table.sums.running + draft.admittedCount,
      promised: admission.promisedBlocks(mirror.table, draft, &budget))
  }

  mutating func bind(_ slot: Int, _ reason: Reason) {
    if draft.binding == nil {
      draft.binding = PlanReason(h: mirror.table.requests[slot].handle, reason: reason)
    }
  }

  // MARK: - Never stuck

  /// With an otherwise empty plan and nothing in flight, the first in line is tried although the block count says no:
  /// the count cannot see shared blocks, and the engine is the authority.
  mutating func scheduleAlone() {
    guard draft.items.isEmpty, draft.preemptedCount == 0, mirror.unsettledPlans == 0 else { return }
    // Somebody may be preempted as soon as the policy's limit per second allows it.
    guard preemption.isWithinRate || draft.shortOfBlocks == 0 else { return }
    guard let slot = firstShortOfBlocks() ?? firstWaiting() else { return }
    let request = mirror.table.requests[slot]
    let wanted = request.isRunning ? request.remainingTokens : request.uncachedTokens
    let sized = batch.tokens(for: request, wanted: wanted, drafts: 0, budgetTokens: budget.tokens)
    guard sized.tokens > 0 else { return }
    if request.isRunning {
      draft.reopen(slot: slot)
    } else {
      guard budget.sequences > 0 else { return }
      budget.takeSequence()
      draft.countAdmission()
      draft.binding = nil
    }
    take(slot, request, tokens: sized.tokens, drafts: 0)
  }

  private func firstShortOfBlocks() -> Int? {
    for entry in draft.leftOut {
      if case .pausedKV = entry.reason { return Int(entry.slot) }
    }
    return nil
  }

  private mutating func firstWaiting() -> Int? {
    guard mirror.table.sums.running == 0 else { return nil }
    queue.beginWalk(ids: mirror.table.ids)
    guard let slot = queue.next(mirror.table.ids), batch.exclusion(mirror.table.requests[slot]) == nil else {
      return nil
    }
    return slot
  }

  /// After a plan of which nothing ran, the next differs or holds (session rule 14): preempt one request, or hold once.
  /// An engine may refuse a preemption, so that none follows on another.
  /// True when this iteration has its answer.
  mutating func breakStall() -> Bool {
    let stalled = mirror.telemetry.stalledPlans
    guard stalled > 0, !heldForStall else {
      heldForStall = false
      return false
    }
    if !preemptedLast, mirror.table.sums.running > 1, preemption.isWithinRate, let victim = nextVictim(),
      preemption.mayPreempt(mirror.table.requests[victim])
    {
      requeue(victim, mirror.table.requests[victim], reason: .stalled(steps: stalled))
      return false
    }
    heldForStall = true
    return true
  }
}
