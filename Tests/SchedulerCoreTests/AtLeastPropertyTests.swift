import SchedulerCore
import Testing

/// Shares of capacity under random load: quotas hold in every plan, who is within its share is served at once, and
/// everybody finishes.
struct AtLeastPropertyTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var allocation: PolicyConfig.Allocation
    var strategy: PolicyConfig.BatchStrategy
    var ordering: PolicyConfig.Ordering
    var isTight: Bool
    var mayPause: Bool
    var testDescription: String {
      "\(allocation), \(strategy), \(ordering), \(isTight ? "tight" : "roomy"), \(mayPause ? "pause" : "no pause")"
    }
  }

  private static let strategies: [PolicyConfig.BatchStrategy] = [.continuous, .decodeFirst, .decodeMaximal, .orca]
  private static let orderings: [PolicyConfig.Ordering] = [.fcfs, .priority, .edf, .sjfPredicted, .weightedFair, .mlfq]

  static let cases = [PolicyConfig.Allocation.strict, .atLeast].flatMap { allocation in
    strategies.flatMap { strategy in
      orderings.flatMap { ordering in
        [(false, true), (true, true), (true, false)].map {
          Case(allocation: allocation, strategy: strategy, ordering: ordering, isTight: $0.0, mayPause: $0.1)
        }
      }
    }
  }

  /// A third and two thirds; of 9 places that is 3 and 5, and 1 that rounding leaves to nobody.
  private static let sequences = 9
  private static let stepTokens = 60
  private static let quota = 1
  private static let ppm = [333_334, 666_666]

  private func policy(_ test: Case) -> PolicyConfig {
    var policy = PolicyConfig.test(
      ordering: test.ordering, strategy: test.strategy, stepTokens: Self.stepTokens, sequences: Self.sequences,
      timeModel: .plain)
    policy.allocation = test.allocation
    for index in 0...1 { policy.classes[index].reservedPpm = Self.ppm[index] }
    policy.classes[1].upgradeQuota = Self.quota
    return policy
  }

  /// A class's share of `whole`.
  private func share(_ whole: Int, _ index: Int) -> Int { max(1, whole * Self.ppm[index] / 1_000_000) }

  private func run(_ test: Case, seed: UInt64) throws {
    var random = SplitMix64(seed)
    var verbs: Capabilities = [.chunk, .requeue]
    if test.mayPause { verbs.insert(.pause) }
    let blocks = test.isTight ? 24 : 1_000
    var engine = FaithfulEngine(
      FaithfulEngine.description(
        blocks: blocks, stepTokens: Self.stepTokens, sequences: Self.sequences + (test.mayPause ? 4 : 0),
        capabilities: verbs))
    var core = SchedulerCore(engine: engine.description, policy: policy(test))
    var classOf: [RequestHandle: Int] = [:]
    var requeued: Set<RequestHandle> = []
    var plans = 0
    while classOf.count < 40 || !engine.live.isEmpty {
      plans += 1
      try #require(plans < 20_000, "no progress, seed \(seed)")
      if classOf.count < 40, random.below(3) == 0 {
        let index = random.below(3) == 0 ? 0 : 1
        let h = engine.arrive(
          prompt: 1 + random.below(50), maxOutput: 1 + random.below(30), requestClass: 1 + index)
        classOf[h] = index
      }
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [], "seed \(seed)")
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      #expect(core.planViolations(plan) == [], "seed \(seed)")
      expectQuota(plan, classOf, test, seed)
      if test.strategy == .continuous || test.strategy == .decodeFirst, test.ordering == .fcfs {
        expectServedAtOnce(plan, classOf, engine, blocks: blocks, requeued, seed)
      }
      requeued.formUnion(plan.requeue)
      engine.run(plan)
      #expect(engine.freeBlocks >= 0, "seed \(seed): blocks overdrawn")
    }
    try core.apply(engine.step())
    #expect(engine.finished == 40, "seed \(seed)")
    #expect(core.chargedTokens == engine.computedTokens, "seed \(seed)")
  }

  /// No class runs more than its places and its quota, and what nobody reserved.
  private func expectQuota(_ plan: StepPlan, _ classOf: [RequestHandle: Int], _ test: Case, _ seed: UInt64) {
    let isLent = test.allocation == .atLeast
    let rest = isLent ? Self.sequences - share(Self.sequences, 0) - share(Self.sequences, 1) : 0
    for index in 0...1 {
      let count = plan.run.count { classOf[$0.h] == index }
      let most = share(Self.sequences, index) + rest + (isLent && index == 1 ? Self.quota : 0)
      #expect(count <= most, "seed \(seed): \(count) of class \(index)")
    }
  }

  /// Who is first of the best class, and within its share of places, tokens and blocks, is in the plan. Those that were
  /// preempted stand in front in an order of their own: nothing is said while one of them waits.
  private func expectServedAtOnce(
    _ plan: StepPlan, _ classOf: [RequestHandle: Int], _ engine: FaithfulEngine, blocks: Int,
    _ requeued: Set<RequestHandle>, _ seed: UInt64
  ) {
    let mine = engine.live.keys.filter { classOf[$0] == 0 }
    let joined = Set(plan.run.map(\.h))
    let waiting = mine.filter { !engine.live[$0]!.running }.sorted()
    guard let first = waiting.first(where: { !joined.contains($0) }), requeued.isDisjoint(with: waiting),
      Set(plan.requeue).isDisjoint(with: mine)
    else { return }
    func need(_ h: RequestHandle) -> Int { (engine.live[h]!.prompt + engine.live[h]!.output + 15) / 16 }
    let held = mine.filter { engine.live[$0]!.running || joined.contains($0) }
    let blocksWanted = held.reduce(need(first)) { $0 + max(need($1), (engine.live[$1]!.computed + 16) / 16) }
    let tokens = plan.run.reduce(0) { $0 + (classOf[$1.h] == 0 ? $1.n : 0) }
    let fits =
      held.count < share(Self.sequences, 0) && tokens < share(Self.stepTokens, 0) && blocksWanted <= share(blocks, 0)
    #expect(!fits, "seed \(seed): \(first) waits although its share has room")
  }

  @Test(arguments: cases) func quotasHoldAndSharesAreServedAtOnce(test: Case) throws {
    for seed in UInt64(1)...4 { try run(test, seed: seed) }
  }
}
