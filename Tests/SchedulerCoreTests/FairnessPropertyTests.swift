import Testing

@testable import SchedulerCore

/// The bound of VTC between backlogged tenants, on seeded random queues (Sheng et al., OSDI 2024, theorem 4.4).
struct FairnessPropertyTests {
  private static let promptMost = 120
  private static let kvTokens = 64 * 16
  /// max(w_p L_in, w_q M): counters of waiting tenants never differ by more; service differs by at most twice that.
  private static let bound = max(TenantLedger.promptPrice * promptMost, TenantLedger.outputPrice * kvTokens)

  /// Weighted service of each tenant after each iteration, from the engine's side.
  private func run(seed: UInt64, weights: [Int]) throws -> (service: [[Double]], spread: Double) {
    let tenants = FaithfulEngine.tenants
    var random = SplitMix64(seed)
    var engine = FaithfulEngine(
      FaithfulEngine.description(blocks: Self.kvTokens / 16, stepTokens: 40 + random.below(200), sequences: 12))
    let policy = PolicyConfig.test(
      ordering: .vtc,
      tenants: zip(tenants, weights).map { PolicyConfig.Tenant(name: FaithfulEngine.names[$0], weight: $1) })
    var core = SchedulerCore(engine: engine.description, policy: policy)
    var tenantOf: [RequestHandle: Int] = [:]
    var paid = Set<RequestHandle>()
    var service = [Double](repeating: 0, count: tenants.count)
    var history: [[Double]] = [service]
    var spread = 0.0
    for _ in 0..<600 {
      // Everybody is backlogged; the first sends four times as much, and every tenant has its own shape.
      for (index, tenant) in tenants.enumerated() {
        let waiting = engine.live.count { tenantOf[$0.key] == index && !$0.value.running }
        for _ in waiting..<max(waiting, index == 0 ? 12 : 3) {
          let h = engine.arrive(
            prompt: 1 + random.below(Self.promptMost), maxOutput: 1 + random.below(index == 1 ? 60 : 12),
            tenant: tenant)
          tenantOf[h] = index
        }
      }
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [], "seed \(seed)")
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      let before = engine.live
      engine.run(plan)
      for item in plan.run {
        let index = tenantOf[item.h]!
        let request = before[item.h]!
        if paid.insert(item.h).inserted { service[index] += Double(request.prompt) / Double(weights[index]) }
        let isToken = (plan.requeue.contains(item.h) ? 0 : request.computed) + item.n == request.prompt + request.output
        if isToken { service[index] += Double(TenantLedger.outputPrice) / Double(weights[index]) }
      }
      history.append(service)
      let counters = tenants.map { Double(core.queue.ledger.balance(of: Int32($0))) / Double(TenantLedger.scale) }
      spread = max(spread, counters.max()! - counters.min()!)
    }
    return (history, spread)
  }

  /// Over every interval in which both have requests waiting, the service of two tenants differs by at most twice the
  /// bound.
  @Test(arguments: [[1, 1, 1], [4, 1, 1], [1, 3, 2]])
  func backloggedTenantsStayWithinTheBound(weights: [Int]) throws {
    for seed in UInt64(1)...4 {
      let (service, spread) = try run(seed: seed, weights: weights)
      #expect(spread <= Double(Self.bound), "seed \(seed), weights \(weights)")
      for i in weights.indices {
        for j in weights.indices where i < j {
          let differences = service.map { $0[i] - $0[j] }
          let most = differences.max()! - differences.min()!
          #expect(most <= Double(2 * Self.bound), "seed \(seed), weights \(weights), tenants \(i) and \(j)")
        }
      }
      // Nobody starves, and the test had something to find.
      #expect(service.last!.min()! > Double(2 * Self.bound), "seed \(seed)")
    }
  }

  /// The same queues first come, first served: the bound does not hold by itself.
  @Test func theBoundIsNotTrivial() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: Self.kvTokens / 16, stepTokens: 64, sequences: 12))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    var service = [0, 0]
    var tenantOf: [RequestHandle: Int] = [:]
    for _ in 0..<400 {
      for (index, count) in [(0, 4), (1, 1)] {
        let waiting = engine.live.count { tenantOf[$0.key] == index && !$0.value.running }
        for _ in waiting..<max(waiting, count) {
          tenantOf[engine.arrive(prompt: 60, maxOutput: 4, tenant: FaithfulEngine.tenants[index])] = index
        }
      }
      try core.apply(engine.step())
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      for item in plan.run { service[tenantOf[item.h]!] += item.n }
      engine.run(plan)
    }
    #expect(service[0] - service[1] > 2 * Self.bound)
  }
}
