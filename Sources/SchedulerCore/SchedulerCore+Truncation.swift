/// Preemption at the granularity of tokens: a victim gives back only the blocks that are missing, from its end, and
/// waits with the rest (Docs/preemption.md, "Dropping the tail").
extension SchedulerCore {
  /// The ranked strategies and the flagship have places and promises of their own for a request that is paused.
  var mayCut: Bool { preemption.mayTruncate && !servesByRank && policy.batchStrategy != .goodput }

  /// Tokens that a victim keeps when it gives back about `missing` blocks, at a boundary of blocks; nil when nothing
  /// would be left. O(missing).
  mutating func keptTokens(_ victim: Request, missing: Int) -> Int? {
    let block = preemption.blockTokens
    var keep = (victim.computedTokens - 1) / block * block
    while keep > 0, budget.growthBlocks(from: keep, to: victim.computedTokens) < missing { keep -= block }
    return keep > 0 ? keep : nil
  }

  /// Drops a victim's tail.
  mutating func cut(_ victim: Int, _ request: Request, _ choice: PreemptionChoice) {
    takeBack(victim, request)
    _ = budget.release(from: choice.keepTokens, to: request.computedTokens)
    draft.preempt(slot: victim, verb: .truncate, keepTokens: choice.keepTokens)
    if !preemption.cut.contains(slot: victim) { preemption.note(victim, request, choice, nowUs: mirror.nowUs) }
    preemption.cut.insert(slot: victim, request.serial)
    draft.explain(request.handle, .truncateCost(us: choice.costUs))
    draft.explain(request.handle, .truncatedKV(tokens: request.computedTokens - choice.keepTokens))
  }

  /// Who was cut before waits anyway: it gives more before anybody else gives anything. False when there is nobody.
  mutating func cutFurther(for slot: Int, missing: Int) -> Bool {
    for victim in preemption.cut.slots where victim != slot && preemption.isEligible(victim, mirror.table, draft) {
      let request = mirror.table.requests[victim]
      guard request.computedTokens > 0, preemption.mayPreempt(request) else { continue }
      if let keep = keptTokens(request, missing: missing) {
        let costUs = recomputeUs(from: keep, to: request.computedTokens, beside: usualWork())
        cut(victim, request, PreemptionChoice(verb: .truncate, keepTokens: keep, recomputeUs: costUs, costUs: costUs))
      } else {
        preemption.cut.remove(slot: victim)
        requeue(victim, request, reason: nil)
      }
      return true
    }
    return false
  }

  /// After the other running requests: who was cut goes on as soon as there is room for all that it lost, and one block
  /// for each of the others, so that it is not cut again at once.
  mutating func resumeCut() {
    for slot in preemption.cut.slots where draft.mark(of: slot) == .open {
      let request = mirror.table.requests[slot]
      if request.isBlocked { continue }
      let missing = budget.missingBlocks(
        from: request.computedTokens, to: request.promptTokens + request.outputTokens + 1, keepWatermark: false,
        kept: draft.items.count)
      guard missing == 0 || draft.items.isEmpty else {
        draft.leaveOut(slot: slot, handle: request.handle, reason: .pausedKV(missingBlocks: missing))
        continue
      }
      preemption.cut.remove(slot: slot)
      serveRunning(slot, request)
    }
  }
}
