import Foundation
import Testing

@testable import SchedulerCore

/// Trees of drafts from the plan to the result: counts that stay right, limits, determinism.
struct TreeSpeculationTests {
  /// 10 ms an iteration, 10 us a token: drafts are nearly free.
  private static let time = IterationTimeModel(
    form: .linear, decodeOnly: .init(a: 10, b: 0.01, c: 0, d: 0.01, e: 0),
    withPrefill: .init(a: 10, b: 0.01, c: 0, d: 0.01, e: 0), overheadUs: 0)

  private static func policy(_ strategy: PolicyConfig.BatchStrategy) -> PolicyConfig {
    var policy = PolicyConfig.test(
      ordering: strategy == .goodput ? .goodput : .fcfs, strategy: strategy, timeModel: Self.time)
    policy.speculation.mode = .goodput
    return policy
  }

  private static func engine(
    blocks: Int = 400, stepTokens: Int = 128, sequences: Int = 6, kMax: Int = 4,
    tree: EngineDescription.Drafter.Tree? = .init(widthMax: 4, nodesMax: 9), verb: Capabilities = .draftRequest
  ) -> FaithfulEngine {
    var engine = FaithfulEngine(
      FaithfulEngine.description(
        blocks: blocks, stepTokens: stepTokens, sequences: sequences,
        drafter: .init(kMax: kMax, per: verb == .draftRequest ? .request : .batch, tree: tree),
        capabilities: [.order, .hold, .chunk, .pause, .requeue, .victimOrder, verb]))
    // The flagship drafts for decodes that are due.
    engine.iterationUs = 11_000
    return engine
  }

  // MARK: - The mirror

  /// A core whose last plan drafts a tree for its one request, the engine that got it, and the plan.
  private func planned() throws -> (core: SchedulerCore, engine: FaithfulEngine, item: StepPlan.Item) {
    var engine = Self.engine()
    var core = SchedulerCore(engine: engine.description, policy: Self.policy(.continuous))
    engine.arrive(prompt: 20, maxOutput: 100)
    engine.run(try engine.plan(&core))
    let plan = try engine.plan(&core)
    let item = try #require(plan.run.first)
    #expect(!item.shape.isChain && item.n == 1 + item.k)
    return (core, engine, item)
  }

  private func settle(
    _ engine: FaithfulEngine, _ item: StepPlan.Item, drafted: Int? = nil, accepted: [UInt8], _ core: inout SchedulerCore
  ) throws(StepRejection) {
    var engine = engine
    var delta = engine.step()
    delta.check = nil
    delta.launched.seq = delta.seq - 1
    if let drafted {
      delta.launched.drafted = [UInt8(drafted)]
      delta.launched.hasDrafted = true
    }
    delta.settled.seq = [delta.seq - 1]
    delta.settled.elapsedUs = [1_000]
    delta.settled.accepted = accepted
    delta.settled.acceptedEnd = [accepted.count]
    try core.apply(delta)
  }

  @Test func aTreeIsChargedAndTakenBackLikeItsDrafts() throws {
    let (made, engine, item) = try planned()
    var core = made
    let before = core.counts
    let depth = item.shape.depth(drafts: item.k)
    try settle(engine, item, accepted: [UInt8(depth)], &core)
    #expect(core.counts.computed == before.computed + 1 + depth)
    #expect(core.counts.output == before.output + 1 + depth)
    #expect(core.chargedTokens == 20 + 1 + item.k)
    #expect(core.telemetry.draftedTokens == item.k && core.telemetry.acceptedTokens == depth)
  }

  /// All the engine made of the plan were its first drafts in level order.
  @Test func anEngineMayVerifyFewerInLevelOrder() throws {
    let (core, engine, item) = try planned()
    let first = item.shape.width(1)
    var whole = core
    try settle(engine, item, drafted: first, accepted: [1], &whole)
    #expect(whole.chargedTokens == 20 + 1 + first)
    #expect {
      var core = core
      try settle(engine, item, drafted: first, accepted: [2], &core)
    } throws: {
      ($0 as? StepRejection)?.field == "/settled/0/accepted"
    }
  }

  @Test func moreThanAPathIsNeverRight() throws {
    let (core, engine, item) = try planned()
    let depth = item.shape.depth(drafts: item.k)
    for accepted in [[UInt8(depth + 1)], []] {
      #expect {
        var core = core
        try settle(engine, item, accepted: accepted, &core)
      } throws: {
        ($0 as? StepRejection)?.field == "/settled/0/accepted"
      }
    }
  }

  // MARK: - Properties

  /// Runs a seeded workload to its end; every Step's sums are the engine's own. Returns every plan.
  private func run(
    seed: UInt64, _ strategy: PolicyConfig.BatchStrategy, hasTrees: Bool = true, verb: Capabilities = .draftRequest,
    copiedAt: Int? = nil
  ) throws -> [StepPlan] {
    var random = SplitMix64(seed)
    let tree = EngineDescription.Drafter.Tree(widthMax: 2 + random.below(7), nodesMax: 2 + random.below(20))
    var engine = Self.engine(
      blocks: 60 + random.below(60), stepTokens: 32 + random.below(100), kMax: 1 + random.below(8),
      tree: hasTrees ? tree : nil, verb: verb)
    engine.luck = SplitMix64(seed &+ 1_000)
    var core = SchedulerCore(engine: engine.description, policy: Self.policy(strategy))
    var plans: [StepPlan] = []
    var arrived = 0
    while arrived < 30 || !engine.live.isEmpty {
      try #require(plans.count < 20_000, "no progress, seed \(seed)")
      if arrived < 30, random.below(3) == 0 {
        engine.arrive(prompt: 1 + random.below(60), maxOutput: 1 + random.below(60))
        arrived += 1
      }
      let plan = try engine.plan(&core)
      engine.run(plan)
      plans.append(plan)
      if plans.count == copiedAt {
        core = try JSONDecoder().decode(SchedulerCore.self, from: JSONEncoder().encode(core))
      }
    }
    try core.apply(engine.step())
    #expect(core.chargedTokens == engine.computedTokens, "seed \(seed)")
    return plans
  }

  @Test(arguments: [PolicyConfig.BatchStrategy.continuous, .goodput, .exerciser], [1, 2, 3, 4] as [UInt64])
  func countsStayRightAndPlansTheSame(strategy: PolicyConfig.BatchStrategy, seed: UInt64) throws {
    let plans = try run(seed: seed, strategy)
    #expect(plans.contains { $0.run.contains { !$0.shape.isChain } }, "seed \(seed)")
    #expect(try run(seed: seed, strategy, copiedAt: plans.count / 2) == plans, "seed \(seed)")
  }

  @Test(arguments: [PolicyConfig.BatchStrategy.continuous, .goodput], [5, 6] as [UInt64])
  func aBatchHasOneTree(strategy: PolicyConfig.BatchStrategy, seed: UInt64) throws {
    var trees = 0
    for plan in try run(seed: seed, strategy, verb: .draftBatch) {
      let drafts = plan.draftBatch ?? 0
      for item in plan.run where item.k > 0 {
        #expect(item.k <= drafts && item.shape == plan.draftBatchShape.cut(to: item.k), "seed \(seed)")
      }
      if !plan.draftBatchShape.isChain { trees += 1 }
    }
    #expect(trees > 0, "seed \(seed)")
  }

  /// Who declares no trees gets none.
  @Test(arguments: [PolicyConfig.BatchStrategy.continuous, .goodput, .exerciser])
  func chainsStayChains(strategy: PolicyConfig.BatchStrategy) throws {
    let plans = try run(seed: 7, strategy, hasTrees: false)
    #expect(plans.contains { $0.run.contains { $0.k > 0 } })
    #expect(plans.allSatisfy { $0.draftBatchShape.isChain && $0.run.allSatisfy(\.shape.isChain) })
  }
}
