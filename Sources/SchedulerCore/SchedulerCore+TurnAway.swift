/// Admission that says no: requests beyond the policy's queue depth end, and those whose first token cannot be in time
/// any more end or stand behind all others (Docs/preemption.md). Off unless the policy asks for it.
extension SchedulerCore {
  /// Requests that one plan turns away.
  static let turnedAwayMax = 64
  /// Requests that one plan sets aside.
  static let setAsideMax = 256
  /// Bounds of the retry hint, in milliseconds.
  static let retryMsRange = 1_000...60_000

  /// Keeps the lines in step with the mirror.
  mutating func lineUp(_ slot: Int) {
    guard admissionLines.isOn else { return }
    let request = mirror.table.requests[slot]
    var latestStartUs = Int64.max
    if request.isCandidate {
      let facts = facts(request)
      latestStartUs = request.arrivalUs &+ Int64(facts.ttftSLOMs) * 1_000 &- facts.prefillUs &- facts.fixedUs
    }
    admissionLines.update(slot: slot, request: request, latestStartUs: latestStartUs, ids: mirror.table.ids)
  }

  /// Before the plan is made: who cannot be in time any more stands behind the others, where it does not end. The
  /// flagship has a line of its own for them.
  mutating func setAside() {
    guard policy.admission.infeasible != .keep, !endsInfeasible, policy.batchStrategy != .goodput else { return }
    for _ in 0..<Self.setAsideMax {
      guard let slot = admissionLines.takeLate(nowUs: mirror.nowUs, mirror.table.ids) else { return }
      queue.setAside(slot, request: mirror.table.requests[slot], ids: mirror.table.ids)
    }
  }

  /// After the plan is made: ends those whom it leaves waiting and admission does not want. A plan that never arrives
  /// loses nothing: who is still there is named again.
  mutating func turnAway() {
    guard engine.capabilities.contains(.abort), admissionLines.isOn else { return }
    if endsInfeasible { turnAwayLate() }
    guard let depth = policy.admission.queueDepth else { return }
    var excess = queue.count - draft.admittedCount - draft.aborted.count - depth
    let waiting = queue.count - draft.admittedCount
    guard excess > 0 else { return }
    admissionLines.beginNewest()
    while excess > 0, draft.aborted.count < Self.turnedAwayMax,
      let slot = admissionLines.nextNewest(mirror.table.ids)
    {
      guard isLeft(slot) else { continue }
      end(slot, .shedQueueDepth(waiting: waiting))
      excess -= 1
    }
  }

  private var endsInfeasible: Bool {
    policy.admission.infeasible == .abort && engine.capabilities.contains(.abort)
  }

  private mutating func turnAwayLate() {
    admissionLines.beginLate()
    while draft.aborted.count < Self.turnedAwayMax,
      let late = admissionLines.nextLate(nowUs: mirror.nowUs, mirror.table.ids)
    {
      guard isLeft(late.slot) else { continue }
      end(late.slot, .shedInfeasible(lateUs: Int(late.lateUs)))
    }
  }

  /// The plan does nothing with a request, and neither did one that is still on its way.
  private func isLeft(_ slot: Int) -> Bool {
    draft.mark(of: slot) == .open && mirror.table.requests[slot].unsettledPlans == 0
  }

  private mutating func end(_ slot: Int, _ reason: Reason) {
    draft.abort(slot: slot)
    draft.explain(mirror.table.requests[slot].handle, reason)
  }

  /// When to come back: after as many requests as wait have left, at the pace at which requests left so far. In
  /// milliseconds.
  var retryAfterMs: Int {
    let left = mirror.telemetry.removals
    guard left > 0 else { return Self.retryMsRange.lowerBound }
    let eachUs = mirror.telemetry.settledElapsedUs / Int64(left)
    let ms = Int64(queue.count) * eachUs / 1_000
    return min(max(Int(ms), Self.retryMsRange.lowerBound), Self.retryMsRange.upperBound)
  }
}
