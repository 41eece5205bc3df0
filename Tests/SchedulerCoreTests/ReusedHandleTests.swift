import SchedulerCore
import Testing

/// Engines use handles again, and the core its slots, often as the same pair: nothing that is remembered about one
/// request may pass for another's.
struct ReusedHandleTests {
  /// A plan with ids in place of handles.
  private struct Named: Equatable {
    var run: [String]
    var givesWay: [String]
    var waits: [String]
  }

  private static let ordered = RegisteredPolicy.all.filter { !$0.isArbitrary }

  private func run(seed: UInt64, _ registered: RegisteredPolicy, usesHandlesAgain: Bool) throws -> [Named] {
    var random = SplitMix64(seed)
    var engine = FaithfulEngine(
      FaithfulEngine.description(
        blocks: 24, stepTokens: 48, sequences: 6, drafter: .init(kMax: 3, per: .request),
        capabilities: [.chunk, .order, .hold, .pause, .requeue, .swapCPU, .truncate, .victimOrder, .draftRequest]))
    engine.usesHandlesAgain = usesHandlesAgain
    var core = SchedulerCore(engine: engine.description, policy: registered.policy)
    var plans: [Named] = []
    var arrived = 0
    while arrived < 40 || !engine.live.isEmpty {
      try #require(plans.count < 20_000, "no progress, seed \(seed), \(registered.testDescription)")
      if arrived < 40, random.below(3) == 0 {
        let tenant = FaithfulEngine.tenants[random.below(3)]
        engine.arrive(
          prompt: 1 + random.below(150), maxOutput: 1 + random.below(30), requestClass: 1 + random.below(2),
          tenant: tenant)
        arrived += 1
      }
      let plan = try engine.plan(&core)
      plans.append(named(plan, engine))
      engine.run(plan)
    }
    return plans
  }

  private func named(_ plan: StepPlan, _ engine: FaithfulEngine) -> Named {
    func ids(_ handles: [RequestHandle]) -> [String] { handles.map { engine.live[$0]!.id } }
    return Named(
      run: plan.run.map { "\(engine.live[$0.h]!.id): \($0.n), \($0.k)" }.sorted(),
      givesWay: ids(plan.requeue + plan.swapCPU + plan.truncate.map(\.h)), waits: ids(plan.order))
  }

  @Test(arguments: ordered)
  func plansDoNotDependOnHandles(registered: RegisteredPolicy) throws {
    let seed: UInt64 = 21
    let fresh = try run(seed: seed, registered, usesHandlesAgain: false)
    #expect(try run(seed: seed, registered, usesHandlesAgain: true) == fresh, "seed \(seed)")
  }
}
