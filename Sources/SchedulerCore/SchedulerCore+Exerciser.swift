/// Composes a random but valid plan (batch strategy `exerciser`).
extension SchedulerCore {
  mutating func runExerciser() {
    for slot in mirror.table.running.lazy.map(Int.init) where !mirror.table.requests[slot].isBlocked {
      exercise(slot)
    }
    queue.beginWalk(ids: mirror.table.ids)
    var seen = 0
    while seen < Exerciser.candidatesMax, let slot = queue.next(mirror.table.ids) {
      seen += 1
      if budget.sequences > 0 { exercise(slot) }
    }
  }

  private mutating func exercise(_ slot: Int) {
    let request = mirror.table.requests[slot]
    switch exerciser.action(for: request) {
    case .requeue: draft.preempt(slot: slot, verb: .requeue)
    case .truncate(let keep): draft.preempt(slot: slot, verb: .truncate, keepTokens: keep)
    case .swap(let toSSD): draft.preempt(slot: slot, verb: .swap, toSSD: toSSD)
    case .abort: draft.abort(slot: slot)
    case .leaveOut: break
    case .none: exerciseRun(slot, request)
    }
  }

  private mutating func exerciseRun(_ slot: Int, _ request: Request) {
    guard batch.exclusion(request) == nil, budget.allows(adapter: request.adapter) else { return }
    let wanted = exerciser.tokens(for: request)
    let (drafts, shape) = wanted == request.remainingTokens ? exerciser.drafts(for: request) : (0, .chain)
    let sized = batch.tokens(for: request, wanted: wanted, drafts: drafts, budgetTokens: budget.tokens)
    guard sized.tokens > 0 else { return }
    if !request.isRunning {
      budget.takeSequence()
      draft.countAdmission()
    }
    take(slot, request, tokens: sized.tokens, drafts: drafts, shape: shape)
  }
}
