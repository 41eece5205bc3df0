import SchedulerCore

/// Compares the scheduler's waiting-time estimates with the waits that come of them.
struct WaitJudge {
  private struct Pending {
    var atUs: Int64
    var estimate: WaitEstimate
  }

  private(set) var score = WaitScore()
  private var pending: [RequestHandle: Pending] = [:]

  /// After the plan that answers a Step: who starts, and who arrived with the Step and does not.
  mutating func note(_ delta: StepDelta, _ plan: StepPlan, _ core: inout SchedulerCore) {
    for handle in delta.removed { pending[handle] = nil }
    if !pending.isEmpty {
      for item in plan.run {
        guard let waited = pending.removeValue(forKey: item.h) else { continue }
        score.add(waited.estimate, waitUs: Int(delta.nowUs - waited.atUs))
      }
    }
    guard !delta.arrived.h.isEmpty else { return }
    let planned = Set(plan.run.map(\.h))
    for handle in delta.arrived.h where !planned.contains(handle) {
      guard let estimate = core.arrivalEstimate(handle) else { continue }
      pending[handle] = Pending(atUs: delta.nowUs, estimate: estimate)
    }
  }
}
