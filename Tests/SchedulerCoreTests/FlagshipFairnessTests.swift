import Testing

@testable import SchedulerCore

/// Tenants under the flagship: by hand, and VTC's bound on seeded random queues.
struct FlagshipFairnessTests {
  private static let promptMost = 120
  private static let kvTokens = 64 * 16
  /// max(w_p L, w_q M) of VTC's theorem 4.4.
  private static let bound = max(TenantLedger.promptPrice * promptMost, TenantLedger.outputPrice * kvTokens)

  private struct Outcome {
    /// Weighted service of each tenant after each iteration, from the engine's side.
    var service: [[Double]]
    /// What the plans said, byte for byte.
    var plans: String
    var core: SchedulerCore
  }

  private func policy(_ weights: [Int], fairness: PolicyConfig.Fairness = .vtc) -> PolicyConfig {
    var policy = PolicyConfig.test(
      ordering: .goodput, strategy: .goodput,
      tenants: zip(FaithfulEngine.tenants, weights).map { .init(name: FaithfulEngine.names[$0], weight: $1) })
    policy.fairness = fairness
    return policy
  }

  /// Everybody is backlogged at all times; the first sends four times as much, and every tenant has its own shape.
  private func run(
    seed: UInt64, weights: [Int], fairness: PolicyConfig.Fairness = .vtc, steps: Int = 800
  ) throws -> Outcome {
    let tenants = FaithfulEngine.tenants
    var random = SplitMix64(seed)
    var engine = FaithfulEngine(
      FaithfulEngine.description(blocks: Self.kvTokens / 16, stepTokens: 40 + random.below(200), sequences: 12))
    var core = SchedulerCore(engine: engine.description, policy: policy(weights, fairness: fairness))
    var tenantOf: [RequestHandle: Int] = [:]
    var service = [Double](repeating: 0, count: tenants.count)
    var outcome = Outcome(service: [service], plans: "", core: core)
    var paid = Set<RequestHandle>()
    for _ in 0..<steps {
      for (index, tenant) in tenants.enumerated() {
        let waiting = engine.live.count { tenantOf[$0.key] == index && !$0.value.running }
        for _ in waiting..<max(waiting, index == 0 ? 12 : 3) {
          let h = engine.arrive(
            prompt: 1 + random.below(Self.promptMost), maxOutput: 1 + random.below(index == 1 ? 60 : 12),
            requestClass: 1 + random.below(2), tenant: tenant)
          tenantOf[h] = index
        }
      }
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [], "seed \(seed)")
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      #expect(core.planViolations(plan) == [], "seed \(seed)")
      outcome.plans += "\(plan)\n"
      let before = engine.live
      engine.run(plan)
      for item in plan.run {
        let index = tenantOf[item.h]!
        let request = before[item.h]!
        if paid.insert(item.h).inserted { service[index] += Double(request.prompt) / Double(weights[index]) }
        let isToken = (plan.requeue.contains(item.h) ? 0 : request.computed) + item.n == request.prompt + request.output
        if isToken { service[index] += Double(TenantLedger.outputPrice) / Double(weights[index]) }
      }
      outcome.service.append(service)
    }
    outcome.core = core
    return outcome
  }

  private func spread(_ service: [[Double]], _ i: Int, _ j: Int) -> Double {
    let differences = service.map { $0[i] - $0[j] }
    return differences.max()! - differences.min()!
  }

  @Test(arguments: [[1, 1, 1], [4, 1, 1], [1, 3, 2]])
  func backloggedTenantsStayWithinTheBound(weights: [Int]) throws {
    for seed in UInt64(1)...4 {
      let service = try run(seed: seed, weights: weights).service
      for i in weights.indices {
        for j in weights.indices where i < j {
          #expect(
            spread(service, i, j) <= Double(2 * Self.bound), "seed \(seed), weights \(weights), tenants \(i) and \(j)")
        }
      }
      // Nobody starves, and the test had something to find.
      #expect(service.last!.min()! > Double(2 * Self.bound), "seed \(seed), weights \(weights)")
    }
  }

  @Test func theBoundIsNotTrivial() throws {
    let service = try run(seed: 1, weights: [1, 1, 1], fairness: .none).service
    #expect(max(spread(service, 0, 1), spread(service, 0, 2)) > Double(2 * Self.bound))
  }

  @Test func plansAreTheSameInEveryRunAndAfterACopy() throws {
    let first = try run(seed: 9, weights: [1, 2, 1], steps: 200)
    let second = try run(seed: 9, weights: [1, 2, 1], steps: 200)
    #expect(first.plans == second.plans)
  }

  // MARK: - By hand

  private struct Bench {
    var engine: FaithfulEngine
    var core: SchedulerCore
    var plan = StepPlan()

    mutating func advance() throws -> [String: Int] {
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [])
      core.plan(resources: .unknown, into: &plan)
      #expect(core.planViolations(plan) == [])
      let ran = Dictionary(uniqueKeysWithValues: plan.run.map { (engine.live[$0.h]!.id, $0.n) })
      engine.iterationUs = Int64(1_050 * max(1, ran.values.reduce(0, +)))
      engine.run(plan)
      return ran
    }
  }

  private func bench(slackTokens: Int) -> Bench {
    let engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 1_024, sequences: 8))
    var policy = PolicyConfig.test(ordering: .goodput, strategy: .goodput, timeModel: .plain)
    policy.fairness = .vtc
    policy.fairnessSlackTokens = slackTokens
    return Bench(engine: engine, core: SchedulerCore(engine: engine.description, policy: policy))
  }

  /// 93 tokens fit an iteration. a's first has had 80, and it has more of the same class; b comes after them and is due
  /// after them. By deadline a's would go on; a is more than 20 ahead, so b goes first.
  @Test func whoIsAheadYieldsWithinAClass() throws {
    var fair = bench(slackTokens: 20)
    fair.engine.arrive(prompt: 80, maxOutput: 1, name: "a1", tenant: 0)
    #expect(try fair.advance() == ["a1": 80])
    for name in ["a2", "a3"] { fair.engine.arrive(prompt: 90, maxOutput: 1, name: name, tenant: 0, ageUs: 100_000) }
    fair.engine.arrive(prompt: 90, maxOutput: 1, name: "b1", tenant: 3)
    let ran = try fair.advance()
    #expect(ran["b1"] == 90)
  }

  /// The same with a slack of a thousand: nobody is ahead, and deadlines decide.
  @Test func withinTheSlackDeadlinesDecide() throws {
    var fair = bench(slackTokens: 1_000)
    fair.engine.arrive(prompt: 80, maxOutput: 1, name: "a1", tenant: 0)
    #expect(try fair.advance() == ["a1": 80])
    for name in ["a2", "a3"] { fair.engine.arrive(prompt: 90, maxOutput: 1, name: name, tenant: 0, ageUs: 100_000) }
    fair.engine.arrive(prompt: 90, maxOutput: 1, name: "b1", tenant: 3)
    let ran = try fair.advance()
    #expect(ran["b1"] == nil && ran["a2"] == 90)
  }

  /// Counters: a has 80 + 2. b comes with nothing waiting: it stands 20 behind a, the only one that waits, not 82.
  @Test func whoComesBackIsOneSlackBehind() throws {
    var fair = bench(slackTokens: 20)
    fair.engine.arrive(prompt: 80, maxOutput: 1, name: "a1", tenant: 0)
    _ = try fair.advance()
    fair.engine.arrive(prompt: 90, maxOutput: 1, name: "a2", tenant: 0)
    _ = try fair.advance()
    fair.engine.arrive(prompt: 300, maxOutput: 1, name: "a3", tenant: 0)
    fair.engine.arrive(prompt: 300, maxOutput: 1, name: "b1", tenant: 3)
    try fair.core.apply(fair.engine.step())
    let ledger = fair.core.queue.ledger
    #expect(ledger.balance(of: 0) == (82 + 92) * TenantLedger.scale)
    #expect(ledger.balance(of: 3) == (82 + 92 - 20) * TenantLedger.scale)
  }

  /// A prefix that the cache holds is free: 100 tokens of prompt, 60 of them cached, and one of output.
  @Test func prefixHitsAreFree() throws {
    var fair = bench(slackTokens: 20)
    fair.engine.arrive(prompt: 100, maxOutput: 1, name: "a1", tenant: 0, cachedTokens: 60)
    _ = try fair.advance()
    try fair.core.apply(fair.engine.step())
    #expect(fair.core.queue.ledger.balance(of: 0) == (40 + 2) * TenantLedger.scale)
  }
}
