import Policy
import SchedulerCore

/// What a step knows when its turn comes: the policy so far, what it achieves, and what engine and traffic can do.
struct TuningSituation {
  var policy: PolicyDocument
  var figures: TuningFigures
  /// nil: the instances differ, or their roles are nobody's mode.
  var roles: RoleMode?
  var instances: Int
  let mix: ClassMix
  let tenants: Int
  let options: EngineOptions
  /// Of an iteration, at most.
  let stepTokens: Int
  /// What the planner of roles says of two such engines under this traffic.
  let divisionOfTwo: RoleDecision

  var config: PolicyConfig { policy.config }

  var canSwap: Bool { options.swap != nil }

  /// Whether the order is one between tenants.
  var takesTenants: Bool {
    config.ordering.takesTurns || config.ordering == .weightedFair
      || config.batchStrategy == .goodput && config.fairness == .vtc
  }

  /// Classes of the traffic that the policy does not list.
  var unknownClasses: [ClassMix.Entry] {
    mix.entries.filter { entry in !config.classes.contains { $0.name == entry.name } }
  }
}
