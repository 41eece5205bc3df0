import Foundation
import SchedulerCore
import Testing

/// Random queues under every policy: conservation, progress, and the same plans from the same inputs.
struct CorePropertyTests {
  /// Every ordering, and every strategy and victim order with the two of vLLM.
  static let policies: [PolicyConfig] =
    PolicyConfig.Ordering.allCases.flatMap { ordering in
      [PolicyConfig.BatchStrategy.continuous, .ranked].map {
        .test(ordering: ordering, strategy: $0, watermarkPpm: 50_000, starvationBoundMs: 200)
      }
    }
    + [.test(ordering: .goodput, strategy: .goodput), .test(ordering: .goodput, strategy: .goodput, timeModel: .plain)]
    + byCost
    + PolicyConfig.VictimOrder.allCases.flatMap { victims in
      [PolicyConfig.Ordering.fcfs, .priority].flatMap { ordering in
        [PolicyConfig.BatchStrategy.continuous, .decodeFirst, .orca].map { strategy in
          PolicyConfig.test(ordering: ordering, strategy: strategy, watermarkPpm: 50_000, victims: victims)
        }
      }
    }

  /// Every means, under every strategy that preempts, with and without the rules that go with it.
  private static var byCost: [PolicyConfig] {
    let strategies: [(PolicyConfig.Ordering, PolicyConfig.BatchStrategy)] = [
      (.fcfs, .continuous), (.srpt, .ranked), (.goodput, .goodput),
    ]
    return strategies.flatMap { ordering, strategy in
      PreemptionRules.Means.allCases.map { means in
        var policy = PolicyConfig.test(ordering: ordering, strategy: strategy, victims: .cost, timeModel: .plain)
        policy.preemption = PreemptionRules(means: means, restPlans: 8, perSecond: means == .cost ? 5 : nil)
        policy.admission.reservesPrompts = means == .cost
        policy.admission.kvHeadroomPpm = means == .swap ? 50_000 : 0
        return policy
      }
    }
  }

  /// Runs a seeded workload to its end. Returns every plan.
  /// - Parameter copiedAt: the number of plans after which a copy of the core, encoded and decoded, goes on.
  private func run(seed: UInt64, policy: PolicyConfig, copiedAt: Int? = nil) throws -> [StepPlan] {
    var random = SplitMix64(seed)
    var capabilities: Capabilities = [.order, .hold, .chunk, .pause, .requeue, .victimOrder]
    if seed % 2 == 0 { capabilities.insert(.swapCPU) }
    if seed % 3 == 0 { capabilities.formUnion([.swapSSD, .truncate]) }
    var machine = ResourceSnapshot.unknown
    machine.hostLinkBytesPerS = 1_000
    machine.diskBytesPerS = 100
    var engine = FaithfulEngine(
      FaithfulEngine.description(
        blocks: 12 + random.below(30), stepTokens: 16 + random.below(64), sequences: 6, capabilities: capabilities))
    var core = SchedulerCore(engine: engine.description, policy: policy)
    var plans: [StepPlan] = []
    var arrived = 0
    while arrived < 40 || !engine.live.isEmpty {
      try #require(plans.count < 20_000, "no progress, seed \(seed), policy \(policy)")
      if arrived < 40, random.below(3) == 0 {
        engine.arrive(
          prompt: 1 + random.below(150), maxOutput: 1 + random.below(30), requestClass: 1 + random.below(2),
          tenant: FaithfulEngine.tenants[random.below(3)], ageUs: Int64(random.below(900)))
        arrived += 1
      }
      if arrived == 40 {
        for h in engine.live.keys.sorted() where engine.live[h]!.blocked { engine.setBlocked(h, false) }
      } else if let h = engine.live.keys.sorted().first(where: { _ in random.below(20) == 0 }) {
        engine.setBlocked(h, !engine.live[h]!.blocked)
      }
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [], "seed \(seed)")
      var plan = StepPlan()
      machine.memoryLevel = plans.count % 100 < 80 ? .none : .shrink
      core.plan(resources: machine, into: &plan)
      #expect(machine.memoryLevel == .none || plan.swapCPU.isEmpty, "seed \(seed): host memory at shrink")
      #expect(core.planViolations(plan) == [], "seed \(seed)")
      engine.run(plan)
      #expect(engine.freeBlocks >= 0, "seed \(seed): blocks overdrawn")
      plans.append(plan)
      if plans.count == copiedAt {
        core = try JSONDecoder().decode(SchedulerCore.self, from: JSONEncoder().encode(core))
      }
    }
    #expect(engine.finished == 40)
    #expect(core.chargedTokens <= engine.computedTokens)
    return plans
  }

  @Test(arguments: policies.indices)
  func everybodyFinishesAndNothingIsOverdrawn(index: Int) throws {
    for seed in UInt64(1)...5 { _ = try run(seed: seed, policy: Self.policies[index]) }
  }

  @Test func sameInputsGiveTheSamePlans() throws {
    for policy in Self.policies {
      #expect(try run(seed: 99, policy: policy) == run(seed: 99, policy: policy))
    }
  }

  /// Ranks, counters and tags go with the copy: nothing that decides is left behind.
  @Test func aCopyOfTheCoreMakesTheSamePlans() throws {
    for policy in Self.policies {
      let plans = try run(seed: 98, policy: policy)
      #expect(try run(seed: 98, policy: policy, copiedAt: plans.count / 2) == plans, "\(policy)")
    }
  }
}

struct SplitMix64 {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
