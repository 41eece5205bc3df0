/// What must hold for every plan, whatever the policy. Checked in tests and by tools, not in the serving path.
extension SchedulerCore {
  /// Sentences about what is wrong with the plan made last; empty when it is sound. O(running + waiting).
  public func planViolations(_ plan: StepPlan) -> [String] {
    var found: [String] = []
    checkItems(plan, &found)
    checkVerbs(plan, &found)
    checkDecodeSet(plan, &found)
    checkCache(plan, &found)
    return found
  }

  private func checkCache(_ plan: StepPlan, _ found: inout [String]) {
    guard let named = plan.cache, named.hasVerbs else { return }
    let lists: [(keys: [UInt64], verb: Capabilities, name: String)] = [
      (named.evict, .kvEvict, "kv_evict"), (named.pin, .kvPin, "kv_pin"), (named.unpin, .kvPin, "kv_pin"),
      (named.prefetch, .kvPrefetch, "kv_prefetch"),
    ]
    for list in lists where !list.keys.isEmpty {
      if !engine.capabilities.contains(list.verb) || engine.prefixCache == nil {
        found.append("undeclared verb \(list.name)")
      }
      if list.keys.count > CachePlan.keysMax { found.append("\(list.keys.count) keys for \(list.name)") }
      if Set(list.keys).count != list.keys.count { found.append("a key twice for \(list.name)") }
    }
    for key in named.evict where cache?.isHeld(key) ?? true { found.append("\(key) is evicted and in use") }
    if !Set(named.evict).isDisjoint(with: named.pin + named.prefetch) { found.append("a key is evicted and kept") }
    if let pins = cache?.pinnedKeys, pins.count > CachePlan.keysMax { found.append("\(pins.count) keys are pinned") }
  }

  private func checkItems(_ plan: StepPlan, _ found: inout [String]) {
    var seen = Set<RequestHandle>()
    var tokens = 0
    var adapters = Set<Int32>()
    var admitted = 0
    for item in plan.run {
      if !seen.insert(item.h).inserted { found.append("\(item.h) is planned twice") }
      guard let slot = mirror.table.slot(of: item.h) else {
        found.append("\(item.h) is planned and unknown")
        continue
      }
      let request = mirror.table.requests[slot]
      tokens += item.n
      admitted += request.isRunning ? 0 : 1
      if request.adapter >= 0 { adapters.insert(request.adapter) }
      if request.isBlocked { found.append("\(item.h) is planned and blocked") }
      if item.n <= 0 || item.n - item.k > request.remainingTokens {
        found.append("\(item.h) is planned with \(item.n) tokens, \(request.remainingTokens) remain")
      }
      if item.k < 0 || item.k > 0 && item.n - item.k != request.remainingTokens {
        found.append("\(item.h) drafts \(item.k) without reaching its last token")
      }
      if item.k > 0, !(engine.drafter?.allows(drafts: item.k, shape: item.shape) ?? false) {
        found.append("\(item.h) drafts \(item.k) in a shape that the engine does not verify")
      }
      if item.shape != item.shape.cut(to: item.k) { found.append("\(item.h) has a shape of more than its drafts") }
      if request.outputTokens + item.k >= request.maxOutputTokens {
        found.append("\(item.h) would exceed its output of \(request.maxOutputTokens)")
      }
      if batch.exclusion(request) != nil { found.append("\(item.h) may not be in another plan yet") }
    }
    if tokens > min(engine.limits.stepTokens, policy.stepTokens ?? .max) { found.append("\(tokens) tokens planned") }
    let running = mirror.table.sums.running - plan.requeue.count - plan.swapCPU.count - plan.swapSSD.count
    if admitted > 0, running + admitted > engine.limits.sequences {
      found.append("\(running) run, \(admitted) more admitted")
    }
    if engine.limits.adapters > 0, adapters.count > engine.limits.adapters {
      found.append("\(adapters.count) adapters in one plan")
    }
  }

  private func checkVerbs(_ plan: StepPlan, _ found: inout [String]) {
    func declared(_ used: Bool, _ verb: Capabilities, _ name: String) {
      if used, !engine.capabilities.contains(verb) { found.append("undeclared verb \(name)") }
    }
    declared(!plan.pause.isEmpty, .pause, "pause")
    declared(!plan.truncate.isEmpty, .truncate, "truncate")
    declared(!plan.requeue.isEmpty, .requeue, "requeue")
    declared(!plan.swapCPU.isEmpty, .swapCPU, "swap_cpu")
    declared(!plan.swapSSD.isEmpty, .swapSSD, "swap_ssd")
    declared(!plan.abort.isEmpty, .abort, "abort")
    declared(!plan.victims.isEmpty, .victimOrder, "victim_order")
    declared(!plan.order.isEmpty, .order, "order")
    declared(plan.budgetTokens != nil, .budget, "budget")
    declared(plan.draftBatch != nil, .draftBatch, "draft_batch")
    declared(plan.holdUs != nil, .hold, "hold")
    let named = plan.truncate.map(\.h) + plan.requeue + plan.swapCPU + plan.swapSSD
    let planned = Set(plan.run.map(\.h))
    if Set(named + plan.abort.map(\.h)).count != named.count + plan.abort.count {
      found.append("a request is named by two verbs")
    }
    for cut in plan.truncate {
      let computed = mirror.table.slot(of: cut.h).map { mirror.table.requests[$0].computedTokens } ?? 0
      if cut.keepTokens <= 0 || cut.keepTokens >= computed {
        found.append("\(cut.h) keeps \(cut.keepTokens) of \(computed) tokens")
      }
    }
    for handle in named {
      guard let slot = mirror.table.slot(of: handle) else {
        found.append("\(handle) is preempted and unknown")
        continue
      }
      let request = mirror.table.requests[slot]
      if planned.contains(handle) { found.append("\(handle) is preempted and planned") }
      if !request.isRunning { found.append("\(handle) is preempted and not running") }
      if request.unsettledPlans > 0, !engine.capabilities.contains(.inFlightPreempt) {
        found.append("\(handle) is preempted in flight")
      }
    }
  }

  private func checkDecodeSet(_ plan: StepPlan, _ found: inout [String]) {
    guard plan.decodesAll else { return }
    let verbs = Set(plan.requeue + plan.swapCPU + plan.swapSSD + plan.abort.map(\.h))
    let others = Set(plan.pause + plan.run[plan.decodeCount...].map(\.h))
    var expected = Set<RequestHandle>()
    for slot in mirror.table.running {
      let request = mirror.table.requests[Int(slot)]
      if !request.isBlocked, !verbs.contains(request.handle), !others.contains(request.handle) {
        expected.insert(request.handle)
      }
    }
    if expected != Set(plan.run[..<plan.decodeCount].map(\.h)) { found.append("the decode set is not what all means") }
  }
}
