/// Keeps the waiting order in step with the mirror.
extension SchedulerCore {
  /// Brings the queue up to date after a Step: charges first, then who left the line, then who joined it.
  mutating func requeueChanged() {
    var changed = mirror.takeChanged()
    if queue.counts { chargeTenants(changed) }
    if cache != nil { noteChangeInCache(changed) }
    for slot in changed.lazy.map(Int.init) where !mirror.table.requests[slot].isCandidate { enqueue(slot) }
    groups.settle(nowUs: mirror.nowUs, workCosts)
    for slot in changed.lazy.map(Int.init) where mirror.table.requests[slot].isCandidate { enqueue(slot) }
    changed.removeAll(keepingCapacity: true)
    mirror.giveBack(changed)
  }

  /// Puts every waiting request in line anew, after a change of policy.
  mutating func renewQueue() {
    let wasCounting = queue.counts
    queue = QueueManager(policy: policy, batchTokens: goodput.kvCapacityTokens, ledger: queue.ledger)
    groups = groups.renewed(policy: policy)
    for slot in mirror.table.requests.indices {
      let request = mirror.table.requests[slot]
      if request.isLive, !wasCounting { queue.adopt(slot: slot, request: request) }
      enqueue(slot)
    }
  }

  /// O(running + changed). The changed ones have ended, perhaps, and are not among the running any more.
  private mutating func chargeTenants(_ changed: ContiguousArray<Int32>) {
    queue.forgetPlanned(ids: mirror.table.ids)
    for slot in changed.lazy.map(Int.init) where !mirror.table.requests[slot].isRunning { charge(slot) }
    mirror.compactRunning()
    for slot in mirror.table.running { charge(Int(slot)) }
  }

  private mutating func charge(_ slot: Int) {
    let request = mirror.table.requests[slot]
    let weight = tenantWeights.weight(of: request.tenant, names: mirror.names)
    queue.charge(slot: slot, request: request, weight: weight, ids: mirror.table.ids)
  }

  /// Puts a request where it belongs now: in line, or out of it.
  mutating func enqueue(_ slot: Int) {
    let request = mirror.table.requests[slot]
    lineUp(slot)
    if policy.batchStrategy == .goodput { return requeueGoodput(slot, request) }
    var facts = facts(request)
    if policy.ordering.isRanked {
      ranked.update(slot: slot, request: request, facts: facts, ids: mirror.table.ids)
      if request.isCandidate { facts.rankKey = ranked.key(slot: slot, request: request, facts: facts) }
    }
    queue.update(slot: slot, request: request, facts: facts, ids: mirror.table.ids)
    noteGroup(slot, request, isLate: false)
  }

  /// What orderings look at beside the request itself.
  mutating func facts(_ request: Request) -> QueueFacts {
    guard request.isLive else { return QueueFacts() }
    let index = classes.classIndex(of: request.className, names: mirror.names)
    let requestClass = policy.classes[index]
    let outputLeft = max(0, request.maxOutputTokens - request.outputTokens)
    var facts = QueueFacts(
      classIndex: index, rank: requestClass.rank,
      ttftSLOMs: request.ttftSLOMs > 0 ? request.ttftSLOMs : requestClass.ttftSLOMs,
      tpotSLOMs: request.tpotSLOMs > 0 ? request.tpotSLOMs : requestClass.tpotSLOMs, classWeight: requestClass.weight,
      tenantWeight: tenantWeights.weight(of: request.tenant, names: mirror.names),
      expectedOutputTokens: min(outputLeft, Int(goodput.outputs.expectedTokens(request))),
      prefillUs: request.isDecoding ? 0 : prefillUs(request), fixedUs: Int64(goodput.time.fixedUs))
    if policy.ordering == .srpt || policy.ordering == .mooreHodgson {
      let context = request.promptTokens + request.outputTokens + outputLeft / 2
      facts.decodeUs = Int64(Double(outputLeft) * goodput.time.decodeUs(context: context))
    }
    return facts
  }

  private func prefillUs(_ request: Request) -> Int64 {
    let prefix = request.computedTokens == 0 ? request.cachedTokens : request.computedTokens
    return Int64(goodput.time.prefillUs(tokens: request.uncachedTokens, prefix: prefix))
  }
}
