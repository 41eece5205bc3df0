/// Admission that says no: requests beyond the policy's queue depth end, and those whose first token cannot be in time
/// any more end or stand behind all others (Docs/preemption.md). Off unless the policy asks for it.
extension SchedulerCore {
  /// Requests that one plan turns away.
  static let turnedAwayMax = 64
  /// Requests that one plan sets aside.
  static let setAsideMax = 256
  /// Bounds of the retry hint, in milliseconds.
  static let retryMsRange = 1_000...60_000
  /// Requests set aside whose reason one plan tells, so that there is room for others.
  static let deferralsToldMax = 64

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
    for index in 0..<Self.setAsideMax {
      guard let slot = admissionLines.takeLate(nowUs: mirror.nowUs, mirror.table.ids) else { return }
      let request = mirror.table.requests[slot]
      guard queue.setAside(slot, request: request, ids: mirror.table.ids) else { continue }
      noteGroup(slot, request, isLate: true)
      if index < Self.deferralsToldMax {
        draft.explain(request.handle, .deferred(waitMs: (arrivalEstimate(request.handle)?.meanUs ?? 0) / 1_000))
      }
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

  /// When to come back, in milliseconds: after the time that a request of its group is expected to wait now.
  mutating func retryAfterMs(_ slot: Int) -> Int {
    let waitUs = arrivalEstimate(mirror.table.requests[slot].handle)?.meanUs ?? 0
    return min(max(waitUs / 1_000, Self.retryMsRange.lowerBound), Self.retryMsRange.upperBound)
  }
}
