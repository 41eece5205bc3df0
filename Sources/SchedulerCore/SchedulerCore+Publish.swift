/// Turns the draft into the reply and into the core's own record of what it planned.
extension SchedulerCore {
  /// Waiting candidates named beyond the plan.
  static let orderMax = 8

  mutating func publish(_ resources: ResourceSnapshot, into plan: inout StepPlan) {
    plan.removeAll()
    mirror.planned.removeAll()
    mirror.planned.exists = true
    publishVerbs(into: &plan)
    publishRun(into: &plan)
    publishVictims(into: &plan)
    publishOrder(into: &plan)
    if engine.capabilities.contains(.budget), let tokens = policy.stepTokens, tokens < engine.limits.stepTokens {
      plan.budgetTokens = tokens
    }
    explainDrafts()
    if speculation.isOn, speculation.isPerBatch {
      (plan.draftBatch, plan.draftBatchShape) = speculation.batchDrafts
    }
    if draft.items.isEmpty, draft.verbs.isEmpty, draft.aborted.isEmpty, engine.capabilities.contains(.hold) {
      plan.holdUs = policy.holdUs
    }
    plan.cache = memory.takeNews()
    plan.placement = placement.takeNews(resources)
    plan.reasons.append(contentsOf: draft.reasons)
    if publication.setBinding(draft.binding), let binding = draft.binding { plan.reasons.append(binding) }
    mirror.recordPlan(items: draft.items.count, preemptions: draft.preemptedCount)
  }

  private mutating func publishVerbs(into plan: inout StepPlan) {
    for verb in draft.verbs {
      let handle = mirror.table.requests[Int(verb.slot)].handle
      switch verb.kind {
      case .truncate: plan.truncate.append(StepPlan.Truncation(h: handle, keepTokens: verb.keepTokens))
      case .requeue: plan.requeue.append(handle)
      case .swap where draft.swappedToSSD.contains(verb.slot): plan.swapSSD.append(handle)
      case .swap: plan.swapCPU.append(handle)
      }
      mirror.planned.verbs.append(verb)
    }
    for slot in draft.aborted {
      let handle = mirror.table.requests[Int(slot)].handle
      plan.abort.append(StepPlan.Abortion(h: handle, retryAfterMs: retryAfterMs(Int(slot))))
    }
  }

  /// `decode:"all"` where it is the shorter way to say it: most running requests decode one token.
  private mutating func publishRun(into plan: inout StepPlan) {
    var decodes = 0
    for item in draft.items where item.isPlainDecode { decodes += 1 }
    let running = mirror.table.sums.running
    let runningInPlan = draft.items.count - draft.admittedCount
    let mayLeaveOut = preemption.mayPause || runningInPlan == running
    plan.decodesAll = decodes > 0 && mayLeaveOut && running - runningInPlan < decodes
    guard plan.decodesAll, decodes < draft.items.count else {
      appendAll(to: &plan)
      plan.decodeCount = plan.decodesAll ? decodes : 0
      if plan.decodesAll, runningInPlan < running { publishPauses(into: &plan) }
      return
    }
    for item in draft.items where item.isPlainDecode { append(item, to: &plan) }
    plan.decodeCount = decodes
    for item in draft.items where !item.isPlainDecode { append(item, to: &plan) }
    if runningInPlan < running { publishPauses(into: &plan) }
  }

  /// In the order in which they were planned.
  private mutating func appendAll(to plan: inout StepPlan) {
    mirror.planned.items.append(contentsOf: draft.items)
    // Made long enough first: appending one by one would ask each time whether there is room.
    plan.run.append(contentsOf: repeatElement(StepPlan.Item(h: 0, n: 0, k: 0), count: draft.items.count))
    var run = plan.run.mutableSpan
    for index in draft.items.indices {
      let item = draft.items[index]
      run[index] = StepPlan.Item(h: item.handle, n: Int(item.n), k: Int(item.k), shape: item.shape)
    }
  }

  private func publishPauses(into plan: inout StepPlan) {
    for slot in mirror.table.running.lazy.map(Int.init) where !mirror.table.requests[slot].isBlocked {
      let mark = draft.mark(of: slot)
      if mark == .leftOut || mark == .open || mark == .truncated {
        plan.pause.append(mirror.table.requests[slot].handle)
      }
    }
  }

  private mutating func append(_ item: PlannedStep.Item, to plan: inout StepPlan) {
    plan.run.append(StepPlan.Item(h: item.handle, n: Int(item.n), k: Int(item.k), shape: item.shape))
    mirror.planned.items.append(item)
  }

  private mutating func publishVictims(into plan: inout StepPlan) {
    guard preemption.namesVictims, memory.isTight(freeBlocks: budget.freeBlocks, running: mirror.table.sums.running)
    else { return }
    let victims =
      preemption.ranksVictims
      ? rankedVictims(most: PreemptionController.victimsMax) : preemption.victims(mirror.table, classes, draft)
    for slot in victims {
      plan.victims.append(mirror.table.requests[slot].handle)
    }
  }

  private mutating func publishOrder(into plan: inout StepPlan) {
    guard engine.capabilities.contains(.order) else { return }
    if draft.admittedCount == 0, publication.orderVersion == queue.version { return }
    var next: [RequestHandle] = []
    queue.beginWalk(ids: mirror.table.ids)
    while next.count < Self.orderMax, let slot = queue.next(mirror.table.ids) {
      if draft.mark(of: slot) == .open { next.append(mirror.table.requests[slot].handle) }
    }
    if next != publication.order { plan.order.append(contentsOf: next) }
    publication.setOrder(next, version: queue.version)
  }
}
