import SchedulerCore
import Testing

extension FaithfulEngine {
  /// Sends a Step and checks the mirror and the plan that answers it; the plan is not run yet.
  mutating func plan(_ core: inout SchedulerCore) throws -> StepPlan {
    try core.apply(step())
    #expect(core.mirrorViolations() == [])
    var plan = StepPlan()
    core.plan(resources: .unknown, into: &plan)
    #expect(core.planViolations(plan) == [])
    return plan
  }
}
