import SchedulerCore
import WireProtocol

/// What would have to be different for a waiting request to be in the very next plan: each change is tried on a copy of
/// the core, one step, all else equal.
struct Counterfactual: Sendable {
  var change: String
  var runsNext: Bool

  var json: JSONValue { ["change": .string(change), "runs_next": .bool(runsNext)] }

  static func tried(for handle: RequestHandle, in core: SchedulerCore, _ resources: ResourceSnapshot)
    -> [Counterfactual]
  {
    var results: [Counterfactual] = []
    func attempt(_ change: String, _ make: (inout SchedulerCore) -> Void) {
      var copy = core
      make(&copy)
      results.append(Counterfactual(change: change, runsNext: runs(handle, &copy, resources)))
    }
    attempt("nothing changes") { _ in }
    attempt("every KV block is free") { $0.assumeFreeBlocks() }
    attempt("the policy sets no limit on tokens, chunks and running requests") {
      var policy = $0.policy
      (policy.stepTokens, policy.sequences, policy.longPrefillTokens) = (nil, nil, 0)
      $0.setPolicy(policy)
    }
    attempt("admission keeps no free blocks back") {
      var policy = $0.policy
      policy.watermarkPpm = 0
      $0.setPolicy(policy)
    }
    if let request = core.request(handle) {
      let name = core.name(request.className)
      attempt("its class goes before all others") { Self.prefer(name, &$0) }
      attempt("its class goes before all others, and every KV block is free") {
        Self.prefer(name, &$0)
        $0.assumeFreeBlocks()
      }
    }
    return results
  }

  private static func runs(_ handle: RequestHandle, _ core: inout SchedulerCore, _ resources: ResourceSnapshot) -> Bool
  {
    var plan = StepPlan()
    core.plan(resources: resources, into: &plan)
    return plan.run.contains { $0.h == handle }
  }

  /// Rank decides alone, and its class is in front.
  private static func prefer(_ className: String, _ core: inout SchedulerCore) {
    var policy = core.policy
    let name = policy.classes.contains { $0.name == className } ? className : policy.defaultClass
    for index in policy.classes.indices { policy.classes[index].rank = policy.classes[index].name == name ? 0 : 1 }
    policy.ordering = .priority
    core.setPolicy(policy)
  }
}
