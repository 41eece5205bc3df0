import Testing

@testable import SchedulerCore

/// Two tenants that both always wait, on an engine whose iterations cost as much as what they compute, as on a CPU: in
/// overload nearly everything is late, and late work has to be shared like the rest.
struct SlowEngineFairnessTests {
  /// Requests under way by tenant: the first sends three times as much, and either more than there are places.
  private static let backlog = [36, 12]
  private static let durationUs: Int64 = 30_000_000
  private static let windowUs: Int64 = 20_000_000
  private static let ratioMost = 1.3

  private struct Served {
    var atUs: Int64
    var tenant: Int
    var tokens: Int
  }

  private struct Shape {
    var requestClass: Int
    var prompt: Int
    var output: Int
  }

  /// Mostly short interactive requests, and some long ones of the batch class.
  private func shape(_ random: inout SplitMix64) -> Shape {
    random.below(3) > 0
      ? Shape(requestClass: 1, prompt: 16 + random.below(80), output: 8 + random.below(16))
      : Shape(requestClass: 2, prompt: 200 + random.below(500), output: 24 + random.below(48))
  }

  /// 10 ms for an iteration, 0.4 ms for a prompt token, 0.5 ms for a decoded one.
  private func elapsedUs(_ plan: StepPlan, _ engine: FaithfulEngine) -> Int64 {
    plan.run.reduce(10_000) { sum, item in
      let request = engine.live[item.h]!
      return sum + (request.output > 0 && item.n == 1 ? 500 : 400 * Int64(item.n))
    }
  }

  /// What the tenants got, as VTC counts it: a prompt with its first token, an output token twice.
  private func run(seed: UInt64) throws -> [Served] {
    var random = SplitMix64(seed)
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 400, stepTokens: 512, sequences: 16))
    engine.usesHandlesAgain = true
    var policy = PolicyConfig.test(ordering: .goodput, strategy: .goodput)
    policy.fairness = .vtc
    var core = SchedulerCore(engine: engine.description, policy: policy)
    var tenantOf: [RequestHandle: Int] = [:]
    var served: [Served] = []
    while engine.now < Self.durationUs {
      for (index, count) in Self.backlog.enumerated() {
        for _ in engine.live.count(where: { tenantOf[$0.key] == index })..<count {
          let shape = shape(&random)
          let h = engine.arrive(
            prompt: shape.prompt, maxOutput: shape.output, requestClass: shape.requestClass,
            tenant: FaithfulEngine.tenants[index])
          tenantOf[h] = index
        }
      }
      let plan = try engine.plan(&core)
      try #require(!plan.run.isEmpty, "seed \(seed): nobody runs although many wait")
      engine.iterationUs = elapsedUs(plan, engine)
      let before = engine.live
      engine.run(plan)
      for item in plan.run {
        let request = before[item.h]!
        let computed = plan.requeue.contains(item.h) ? 0 : request.computed
        guard computed + item.n == request.prompt + request.output else { continue }
        let tokens = (request.output == 0 ? request.prompt : 0) + TenantLedger.outputPrice
        served.append(Served(atUs: engine.now + engine.iterationUs, tenant: tenantOf[item.h]!, tokens: tokens))
      }
      for h in before.keys where engine.live[h] == nil { tenantOf[h] = nil }
    }
    return served
  }

  @Test(arguments: UInt64(1)...2)
  func lateWorkIsSharedAlike(seed: UInt64) throws {
    let served = try run(seed: seed)
    for startUs in stride(from: 0, through: Self.durationUs - Self.windowUs, by: 1_000_000) {
      let window = served.filter { startUs <= $0.atUs && $0.atUs < startUs + Self.windowUs }
      let tokens = Self.backlog.indices.map { tenant in
        window.reduce(0) { $0 + ($1.tenant == tenant ? $1.tokens : 0) }
      }
      let ratio = Double(tokens.max()!) / Double(max(1, tokens.min()!))
      #expect(ratio <= Self.ratioMost, "seed \(seed), from \(startUs) us on: \(tokens)")
    }
  }
}
