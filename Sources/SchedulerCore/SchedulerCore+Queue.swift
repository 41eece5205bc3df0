/// Keeps the waiting order in step with the mirror.
extension SchedulerCore {
  /// Expected output of a request while nothing is known about its kind, in tokens.
  static let expectedOutputTokens = 200
  /// GPU time of a prompt token while nothing is known about the engine, in microseconds.
  static let prefillUsPerToken: Int64 = 30

  /// Brings the queue up to date after a Step: charges first, then who left the line, then who joined it.
  mutating func requeueChanged() {
    var changed = mirror.takeChanged()
    if queue.takesTurns { chargeTenants(changed) }
    for slot in changed.lazy.map(Int.init) where !mirror.table.requests[slot].isCandidate { requeue(slot) }
    for slot in changed.lazy.map(Int.init) where mirror.table.requests[slot].isCandidate { requeue(slot) }
    changed.removeAll(keepingCapacity: true)
    mirror.giveBack(changed)
  }

  /// Puts every waiting request in line anew, after a change of policy.
  mutating func renewQueue() {
    let wasCounting = queue.takesTurns
    queue = QueueManager(policy: policy, ledger: queue.ledger)
    for slot in mirror.table.requests.indices {
      let request = mirror.table.requests[slot]
      if request.isLive, !wasCounting { queue.adopt(slot: slot, request: request) }
      requeue(slot)
    }
  }

  /// O(running + changed). The changed ones have ended, perhaps, and are not among the running any more.
  private mutating func chargeTenants(_ changed: ContiguousArray<Int32>) {
    queue.forgetPlanned(ids: mirror.table.ids)
    for slot in changed { charge(Int(slot)) }
    mirror.compactRunning()
    for slot in mirror.table.running { charge(Int(slot)) }
  }

  private mutating func charge(_ slot: Int) {
    let request = mirror.table.requests[slot]
    let weight = tenantWeights.weight(of: request.tenant, names: mirror.names)
    queue.charge(slot: slot, request: request, weight: weight, ids: mirror.table.ids)
  }

  private mutating func requeue(_ slot: Int) {
    let request = mirror.table.requests[slot]
    if policy.batchStrategy == .goodput { return requeueGoodput(slot, request) }
    queue.update(slot: slot, request: request, facts: facts(request), ids: mirror.table.ids)
  }

  private mutating func facts(_ request: Request) -> QueueFacts {
    guard request.isLive else { return QueueFacts() }
    let index = classes.classIndex(of: request.className, names: mirror.names)
    let requestClass = policy.classes[index]
    return QueueFacts(
      classIndex: index, rank: requestClass.rank,
      ttftSLOMs: request.ttftSLOMs > 0 ? request.ttftSLOMs : requestClass.ttftSLOMs, classWeight: requestClass.weight,
      tenantWeight: tenantWeights.weight(of: request.tenant, names: mirror.names),
      expectedOutputTokens: min(request.maxOutputTokens - request.outputTokens, Self.expectedOutputTokens),
      prefillUs: Int64(request.uncachedTokens) * Self.prefillUsPerToken)
  }
}
