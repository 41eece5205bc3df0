import SchedulerCore
import Testing

/// Policies to test properties with, made of everything in the registry: what is added there is tested by itself.
struct RegisteredPolicy: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var policy: PolicyConfig

  static let all = orderings + victims + means + budgets + drafts + fairness + allocations

  private init(_ parts: String..., change: (inout PolicyConfig) -> Void) {
    testDescription = parts.joined(separator: ", ")
    policy = .test(watermarkPpm: 50_000)
    policy.batch = BatchRules(sliceIterations: 3)
    change(&policy)
  }

  /// The values of one member.
  private static func values<Value: RawRepresentable<String>>(
    _ member: PolicyPrimitive.Member, _ type: Value.Type
  ) -> [Value] {
    PolicyRegistry.primitives(member).compactMap { Value(rawValue: $0.name) }
  }

  private static let strategies = values(.strategy, PolicyConfig.BatchStrategy.self)

  /// Every ordering under every strategy.
  private static let orderings = values(.ordering, PolicyConfig.Ordering.self).flatMap { ordering in
    strategies.map { strategy in
      RegisteredPolicy(ordering.rawValue, strategy.rawValue) {
        $0.ordering = ordering
        $0.batchStrategy = strategy
        $0.starvationBoundMs = 200
      }
    }
  }

  /// Every victim order under every strategy.
  private static let victims = values(.victimOrder, PolicyConfig.VictimOrder.self).flatMap { victims in
    strategies.map { strategy in
      RegisteredPolicy(victims.rawValue, strategy.rawValue) {
        $0.ordering = .priority
        $0.batchStrategy = strategy
        $0.victimOrder = victims
      }
    }
  }

  /// Every means under every strategy, with the rules that go with it.
  private static let means = values(.means, PreemptionRules.Means.self).flatMap { means in
    strategies.flatMap { strategy in
      [PolicyConfig.VictimOrder.lastAdmitted, .cost].map { victims in
        RegisteredPolicy(means.rawValue, victims.rawValue, strategy.rawValue) {
          $0.ordering = strategy == .goodput ? .goodput : .srpt
          $0.batchStrategy = strategy
          $0.victimOrder = victims
          $0.timeModel = .plain
          $0.preemption = PreemptionRules(means: means, restPlans: 8, perSecond: means == .cost ? 5 : nil)
          $0.admission.reservesPrompts = means == .cost && victims == .cost
          $0.admission.kvHeadroomPpm = means == .swap ? 50_000 : 0
        }
      }
    }
  }

  /// Every budget under every strategy, with tiles and few places.
  private static let budgets = values(.budget, BatchRules.Budget.self).flatMap { budget in
    strategies.map { strategy in
      RegisteredPolicy(budget.rawValue, "tiles, peak", strategy.rawValue) {
        $0.batchStrategy = strategy
        $0.sequences = 3
        $0.batch = BatchRules(sliceIterations: 2, chunkTileTokens: 8, budget: budget)
        $0.admission.reservesPeak = budget == .slack ? .expected : .longest
        $0.timeModel = .plain
      }
    }
  }

  /// Every mode of speculation under every strategy.
  private static let drafts = values(.speculation, SpeculationConfig.Mode.self).flatMap { mode in
    strategies.map { strategy in
      RegisteredPolicy("drafts \(mode.rawValue)", strategy.rawValue) {
        $0.batchStrategy = strategy
        $0.draftTokens = 2
        $0.speculation.mode = mode
      }
    }
  }

  private static let fairness = values(.fairness, PolicyConfig.Fairness.self).map { fairness in
    RegisteredPolicy("fairness \(fairness.rawValue)") {
      $0.ordering = .goodput
      $0.batchStrategy = .goodput
      $0.fairness = fairness
      $0.timeModel = .plain
    }
  }

  private static let late = values(.late, PolicyConfig.Late.self).flatMap { late in
    PolicyConfig.Fairness.allCases.map { fairness in
      RegisteredPolicy("late \(late.rawValue), fairness \(fairness.rawValue)") {
        $0.ordering = .goodput
        $0.batchStrategy = .goodput
        $0.late = late
        $0.fairness = fairness
        $0.timeModel = .plain
      }
    }
  }

  /// Every allocation under every strategy that takes requests class by class.
  private static let allocations = values(.allocation, PolicyConfig.Allocation.self).flatMap { allocation in
    strategies.map { strategy in
      RegisteredPolicy("allocation \(allocation.rawValue)", strategy.rawValue) {
        $0.batchStrategy = strategy
        $0.allocation = allocation
        for index in $0.classes.indices { $0.classes[index].reservedPpm = 400_000 }
        $0.classes[1].upgradeQuota = 2
        $0.classes[1].upgradesPerSecond = 50
      }
    }
  }

  /// Plans that try an engine: it refuses what it has no room for.
  var isArbitrary: Bool { policy.batchStrategy == .exerciser }

  /// The bound after which a waiting request goes before all others, in microseconds; nil where the policy promises
  /// none, or has a rule of its own that other tests look at.
  var boundUs: Int64? {
    let hasOwnRule: Set<PolicyConfig.Ordering> = [.mlfq, .vtc, .dlpm]
    guard !hasOwnRule.contains(policy.ordering), !isArbitrary, policy.batchStrategy != .goodput
    else { return nil }
    return policy.starvationBoundMs.map { Int64($0) * 1_000 }
  }
}
