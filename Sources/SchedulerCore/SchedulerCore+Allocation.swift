/// Capacity by class (AtLeast, Docs/at-least.md): before the running requests are served it is settled who of them runs
/// on whose capacity; then each class admits within its own, best rank first. Off under allocation `shared`.
extension SchedulerCore {
  func classIndex(_ request: Request) -> Int { classes.resolvedIndex(of: request.className) }

  // MARK: - Running requests

  /// Settles on whose capacity every running request runs, and leaves out who runs on none. O(running + classes^2).
  mutating func openCapacity() {
    capacity.open(nowUs: mirror.nowUs)
    let running = mirror.table.running
    // Nothing here changes the mirror, so the loops may look at its requests where they lie.
    let requests = mirror.table.requests
    var others: [Int] = []
    requests.withUnsafeBufferPointer { requests in
      for slot in running.lazy.map(Int.init) { count(slot, requests[slot]) }
      for slot in running.lazy.map(Int.init) where !requests[slot].isBlocked {
        if !capacity.standOnOwn(slot, index: classIndex(requests[slot])) { others.append(slot) }
      }
    }
    for index in capacity.classes.indices { settleIdle(index) }
    for slot in others where capacity.standing(of: slot, mirror.table.requests[slot].serial) == .upgraded {
      goOnOrReturn(slot)
    }
    for slot in others where draft.mark(of: slot) == .open {
      let request = mirror.table.requests[slot]
      if capacity.standing(of: slot, request.serial) == .none { upgradeOrLeaveOut(slot, request) }
    }
  }

  @inline(__always)
  private mutating func count(_ slot: Int, _ request: Request) {
    capacity.count(
      slot, request.serial, index: classIndex(request),
      blocks: budget.growthBlocks(from: 0, to: request.computedTokens),
      tokens: request.isBlocked ? 0 : max(0, request.remainingTokens))
  }

  private mutating func settleIdle(_ index: Int) {
    let waiting = queue.classLines.count(index)
    let tokens = queue.classLines.tokens(index)
    capacity.settleIdle(
      index, waiting: waiting, waitingTokens: tokens,
      // One block more for each: prompts do not end where blocks do.
      waitingBlocks: waiting == 0 ? 0 : budget.growthBlocks(from: 0, to: tokens) + waiting)
  }

  /// An upgraded request goes on while a better class leaves a place idle. Else it stops at once: paused with its KV
  /// where the engine can, or preempted.
  private mutating func goOnOrReturn(_ slot: Int) {
    let request = mirror.table.requests[slot]
    let index = classIndex(request)
    if capacity.goesOn(slot, index: index) { return }
    if preemption.mayPause {
      let waiting = capacity.waitingAhead(of: index)
      draft.leaveOut(slot: slot, handle: request.handle, reason: .returnedPlace(waiting: waiting))
    } else if preemption.isWithinRate, preemption.mayPreempt(request) {
      giveBack(slot, request)
    } else {
      capacity.keep(slot, index: index)
    }
  }

  /// A paused request goes on where there is room for an upgrade.
  private mutating func upgradeOrLeaveOut(_ slot: Int, _ request: Request) {
    let index = classIndex(request)
    let ground = capacity.ground(for: index, blocks: 0)
    if case .denied(let reason) = ground {
      if preemption.mayPause { return draft.leaveOut(slot: slot, handle: request.handle, reason: reason) }
      return capacity.keep(slot, index: index)
    }
    join(slot, request, index: index, blocks: 0, ground)
  }

  private mutating func join(_ slot: Int, _ request: Request, index: Int, blocks: Int, _ ground: CapacityGround) {
    let upgraded = capacity.join(slot, request.serial, index: index, blocks: blocks, ground)
    if upgraded > 0 { draft.explain(request.handle, .upgraded(requests: upgraded)) }
  }

  /// Tokens that a request's class may still have in this iteration. Where prompts can not be cut, shares are of places
  /// and KV alone; a running request that the engine can not leave out always gets one.
  func tokensLeft(for request: Request) -> Int {
    guard capacity.isOn, batch.mayChunk, batch.strategy != .orca else { return budget.tokens }
    let least = request.isRunning && !preemption.mayPause ? 1 : 0
    return min(budget.tokens, max(least, capacity.tokensLeft(classIndex(request))))
  }

  // MARK: - Waiting requests

  /// Admits class by class, best rank first, each in the policy's order.
  mutating func admitByShares() {
    let shortRank = rankShortOfRoom()
    if policy.batchStrategy == .orca { orca.open(mirror.table) }
    openAdmission()
    for index in capacity.order {
      queue.beginWalk(ofClass: index)
      guard capacity.classes[index].rank < shortRank else {
        if let first = queue.next(ofClass: index, mirror.table.ids) {
          bind(first, .waitingPreemption(victims: draft.preemptedCount + draft.shortOfBlocks))
        }
        return
      }
      guard admitWaiting(ofClass: index) else { return }
    }
  }

  /// The best rank of those who lost or lack blocks in this plan, capacity that went back left out: only better classes
  /// may admit anybody.
  private func rankShortOfRoom() -> Int {
    var best = Int.max
    func note(_ slot: Int32) {
      best = min(best, classes.resolvedRank(of: mirror.table.requests[Int(slot)].className))
    }
    for entry in draft.leftOut {
      if case .pausedKV = entry.reason { note(entry.slot) }
    }
    if draft.preemptedCount > capacity.returnedCount {
      for verb in draft.verbs where !capacity.isReturned(Int(verb.slot)) { note(verb.slot) }
    }
    return best
  }

  /// False when worse classes may not admit anybody: a request lacks room that is its own.
  private mutating func admitWaiting(ofClass index: Int) -> Bool {
    var skipped = 0
    while let slot = queue.next(ofClass: index, mirror.table.ids), skipped < AdmissionController.skipWindow {
      guard budget.tokens > 0 else {
        bind(slot, .waitingBudget(tokens: 0))
        return false
      }
      let request = mirror.table.requests[slot]
      let objection = pressure.objection(to: request)
      guard objection == nil, batch.exclusion(request) == nil else {
        if let objection { bind(slot, objection) }
        skipped += 1
        continue
      }
      let blocks = budget.growthBlocks(from: 0, to: request.promptTokens + request.outputTokens)
      let ground = capacity.ground(for: index, blocks: blocks)
      if case .denied(let reason) = ground {
        bind(slot, reason)
        return true
      }
      let sized = sized(request, wanted: request.uncachedTokens, drafts: 0)
      guard sized.tokens > 0 else {
        bind(slot, sized.reason ?? .waitingBudget(tokens: 0))
        return true
      }
      switch decideByShare(request, sized, index: index, isOwn: ground.isOwn) {
      case .admit(let tokens, let chunk):
        admit(slot, request, tokens: tokens, chunk)
        join(slot, request, index: index, blocks: blocks, ground)
      case .skip(let reason):
        bind(slot, reason)
        skipped += 1
      case .stop(let reason):
        bind(slot, reason)
        return !ground.isOwn
      }
    }
    return true
  }

  /// Whether a request may join now. Room that is its own is taken back from those who run on it.
  private mutating func decideByShare(
    _ request: Request, _ sized: (tokens: Int, reason: Reason?), index: Int, isOwn: Bool
  ) -> AdmissionController.Decision {
    while true {
      let decision = decide(request, sized)
      guard isOwn, case .stop(let reason) = decision, reason.isAboutRoom, let victim = borrower(from: index) else {
        return decision
      }
      giveBack(victim, mirror.table.requests[victim])
    }
  }

  // MARK: - Giving back

  /// The running request of a worse class, admitted last, that runs on none of its own capacity, or whose class holds
  /// blocks beyond its share; nil when there is none that may be preempted now.
  private func borrower(from index: Int) -> Int? {
    guard preemption.isWithinRate else { return nil }
    var beyond: Int?
    for slot in mirror.table.running.reversed().lazy.map(Int.init) {
      let request = mirror.table.requests[slot]
      let other = classIndex(request)
      guard capacity.classes[other].rank > capacity.classes[index].rank, mayGiveWay(slot, request) else { continue }
      if capacity.standing(of: slot, request.serial) != .own { return slot }
      let holds = capacity.classes[other]
      if beyond == nil, holds.heldBlocks > holds.blocks { beyond = slot }
    }
    return beyond
  }

  private func mayGiveWay(_ slot: Int, _ request: Request) -> Bool {
    let mark = draft.mark(of: slot)
    return !request.isBlocked && (mark == .open || mark == .scheduled || mark == .leftOut)
      && preemption.mayPreempt(request)
  }

  /// Who gives way when a running request lacks blocks: who runs on capacity that is not its own, then the class that
  /// holds most beyond its share, in each case the one admitted last. nil leaves it to the policy's victim order.
  func victimByShares() -> Int? {
    let worst = capacity.mostBeyondShare
    var beyond: Int?
    for slot in mirror.table.running.reversed().lazy.map(Int.init) {
      let request = mirror.table.requests[slot]
      let isEligible = preemption.isEligible(slot, mirror.table, draft)
      if capacity.standing(of: slot, request.serial) != .own, isEligible || mayGiveWay(slot, request) { return slot }
      guard isEligible else { continue }
      if beyond == nil, classIndex(request) == worst { beyond = slot }
    }
    return beyond
  }

  /// Whether preempting `victim` for the request in `slot` gives capacity back to its owner.
  func isReturn(_ victim: Int, _ request: Request, to slot: Int) -> Bool {
    capacity.isOn && victim != slot && capacity.standing(of: victim, request.serial) != .own
  }

  /// Preempts a request because its capacity goes back.
  mutating func giveBack(_ victim: Int, _ request: Request) {
    let blocks = budget.growthBlocks(from: 0, to: request.computedTokens)
    capacity.noteReturn(victim)
    requeue(victim, request, reason: .returnedKV(blocks: blocks))
    budget.returnSequence()
  }

  mutating func releaseShare(_ victim: Int, _ request: Request, blocks: Int) {
    capacity.release(index: classIndex(request), blocks: blocks)
  }
}
