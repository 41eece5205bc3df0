/// The loop that composes the stages into one iteration: running requests first, then waiting ones, all from one
/// budget. It follows vLLM V1's `schedule()`; the batch strategy only changes the walks over the running list.
extension SchedulerCore {
  // MARK: - Running

  mutating func scheduleRunning() {
    for pass in batch.passes() {
      let running = mirror.table.running
      // Planning never changes the mirror, so the loop may look at its requests where they lie.
      let requests = mirror.table.requests
      let ended = requests.withUnsafeBufferPointer { requests in
        for slot in running.lazy.map(Int.init) where draft.mark(of: slot) == .open {
          if pass != .prefills, scheduleDecode(slot, requests[slot]) { continue }
          let request = requests[slot]
          guard !request.isBlocked, batch.belongs(request, to: pass) else { continue }
          if !scheduleOne(slot, request), batch.strategy == .continuous { return true }
        }
        return false
      }
      if ended { return leaveOutRest(running) }
    }
  }

  /// The usual case, short: a decode of one token that needs no block. False leaves the request to `scheduleOne`, which
  /// decides the same at more length.
  @inline(__always)
  private mutating func scheduleDecode(_ slot: Int, _ request: Request) -> Bool {
    guard speculation.drafts(slot: slot, for: request) == 0, request.adapter < 0, batch.mayDecode(request),
      budget.takeToken(at: request.computedTokens)
    else { return false }
    draft.schedule(slot: slot, handle: request.handle, n: 1, k: 0, isRunning: true)
    return true
  }

  /// False when the request was preempted to make room for itself: vLLM V1 ends its loop there.
  private mutating func scheduleOne(_ slot: Int, _ request: Request) -> Bool {
    if let reason = batch.exclusion(request) {
      draft.leaveOut(slot: slot, handle: request.handle, reason: reason)
      return true
    }
    guard budget.allows(adapter: request.adapter) else {
      draft.leaveOut(slot: slot, handle: request.handle, reason: .adapterLimit(adapters: budget.adapterCount))
      return true
    }
    let drafts = speculation.drafts(slot: slot, for: request)
    let sized = batch.tokens(
      for: request, wanted: request.remainingTokens, drafts: drafts, budgetTokens: budget.tokens)
    guard sized.tokens > 0 else {
      draft.leaveOut(slot: slot, handle: request.handle, reason: .pausedBudget(tokens: budget.tokens))
      return true
    }
    guard makeRoom(for: slot, request, tokens: sized.tokens) else { return draft.mark(of: slot) != .preempted }
    take(slot, request, tokens: sized.tokens, drafts: drafts)
    if request.remainingTokens > 1, let reason = sized.reason { draft.explain(request.handle, reason) }
    return true
  }

  mutating func take(_ slot: Int, _ request: Request, tokens: Int, drafts: Int) {
    budget.take(from: request.computedTokens, tokens: tokens)
    budget.take(adapter: request.adapter)
    // Drafts ride only on work that reaches the last known token.
    let k = max(0, min(drafts, tokens - request.remainingTokens))
    draft.schedule(slot: slot, handle: request.handle, n: tokens, k: k, isRunning: request.isRunning)
  }

  /// Frees blocks until the request can grow. False when it stays out of this iteration.
  mutating func makeRoom(for slot: Int, _ request: Request, tokens: Int) -> Bool {
    let target = request.computedTokens + tokens
    while true {
      let missing = budget.missingBlocks(from: request.computedTokens, to: target, keepWatermark: false)
      if missing == 0 { return true }
      guard preemption.isWithinRate, !shouldWait(slot, request, missing: missing),
        let victim = nextVictim(for: slot)
      else { return giveUp(slot, request, missing: missing) }
      let victimRequest = mirror.table.requests[victim]
      guard preemption.mayPreempt(victimRequest) else {
        // It must leave the unsettled plans first: leave it out now, preempt it in a later step.
        if draft.promisedBlocks < missing, preemption.mayPreempt, preemption.mayPause, victim != slot {
          leaveOutForLater(victim, victimRequest, missing: missing)
          continue
        }
        return giveUp(slot, request, missing: missing)
      }
      requeue(victim, victimRequest, reason: nil)
      if victim == slot { return false }
    }
  }

  private mutating func nextVictim(for slot: Int? = nil) -> Int? {
    if !servesByRank, preemption.ranksByCost || (preemption.ranksVictims && policy.batchStrategy != .goodput) {
      return rankedVictims(most: 1).first
    }
    if policy.batchStrategy == .goodput { return goodput.nextVictim(mirror.table, draft) }
    if servesByRank, let slot { return rankedVictim(for: slot) }
    return preemption.nextVictim(mirror.table, classes, draft)
  }

  /// Whether a preempted request's KV may go to host memory now.
  var maySwap: Bool { preemption.maySwap && pressure.allowsHostTier }

  /// Preempts: takes back what the victim was given and counts its blocks as free.
  mutating func requeue(_ victim: Int, _ request: Request, reason: Reason?) {
    let choice = means(for: victim, request)
    takeBack(victim, request)
    let released = budget.release(computed: request.computedTokens)
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

  private mutating func takeBack(_ victim: Int, _ request: Request) {
    guard draft.mark(of: victim) == .scheduled else { return }
    let tokens = draft.unschedule(slot: victim)
    budget.refund(from: request.computedTokens, tokens: tokens)
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

  /// Admits waiting requests in order, only if nobody was preempted or left out for want of blocks.
  mutating func admitWaiting() {
    queue.beginWalk(admitting: true, ids: mirror.table.ids)
    guard draft.preemptedCount == 0, draft.shortOfBlocks == 0 else {
      if let slot = queue.next(mirror.table.ids) {
        bind(slot, .waitingPreemption(victims: draft.preemptedCount + draft.shortOfBlocks))
      }
      return
    }
    if policy.batchStrategy == .orca { orca.open(mirror.table) }
    openAdmission()
    var skipped = 0
    while let slot = queue.next(mirror.table.ids) {
      guard budget.tokens > 0 else { return bind(slot, .waitingBudget(tokens: 0)) }
      let request = mirror.table.requests[slot]
      if let reason = pressure.objection(to: request) {
        bind(slot, reason)
      } else if batch.exclusion(request) == nil {
        let sized = batch.tokens(for: request, wanted: request.uncachedTokens, drafts: 0, budgetTokens: budget.tokens)
        switch decide(request, sized) {
        case .admit(let tokens, let chunk):
          if request.isSwapped { budget.hold(computed: request.computedTokens) }
          take(slot, request, tokens: tokens, drafts: 0)
          admission.note(slot)
          budget.takeSequence()
          draft.countAdmission()
          queue.admit(slot, request: request, ids: mirror.table.ids)
          if policy.batchStrategy == .orca { orca.take(request) }
          draft.explain(request.handle, chunk ?? .admitted(tokens: tokens))
          continue
        case .stop(let reason): return bind(slot, reason)
        case .skip(let reason): bind(slot, reason)
        }
      }
      skipped += 1
      if skipped >= AdmissionController.skipWindow { return }
    }
  }

  mutating func decide(_ request: Request, _ sized: (tokens: Int, reason: Reason?))
    -> AdmissionController.Decision
  {
    if policy.batchStrategy == .orca {
      let missing = orca.missingBlocks(for: request)
      if missing > 0 { return .stop(.waitingKV(missingBlocks: missing)) }
    }
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
