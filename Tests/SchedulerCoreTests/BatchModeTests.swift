import SchedulerCore
import Testing

/// Iterations by hand: decode-maximal batching, tiles, a budget from slack, slices.
struct BatchModeTests {
  private func advance(_ core: inout SchedulerCore, _ engine: inout FaithfulEngine) throws -> StepPlan {
    let plan = try engine.plan(&core)
    engine.run(plan)
    return plan
  }

  private func items(_ plan: StepPlan) -> [RequestHandle: Int] {
    Dictionary(uniqueKeysWithValues: plan.run.map { ($0.h, $0.n) })
  }

  private func policy(
    _ strategy: PolicyConfig.BatchStrategy, stepTokens: Int? = nil, sequences: Int? = nil, _ rules: BatchRules
  ) -> PolicyConfig {
    var policy = PolicyConfig.test(
      strategy: strategy, stepTokens: stepTokens, sequences: sequences, timeModel: .plain)
    policy.batch = rules
    return policy
  }

  // MARK: - Decode-maximal

  /// Sarathi-Serve fills the budget with as many prompts as fit; decode-maximal batching takes one.
  @Test func oneChunkBesideTheDecodes() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: policy(.decodeMaximal, BatchRules()))
    let a = engine.arrive(prompt: 4, maxOutput: 9)
    let b = engine.arrive(prompt: 100, maxOutput: 9)
    let c = engine.arrive(prompt: 40, maxOutput: 9)
    let first = try advance(&core, &engine)
    #expect(items(first) == [a: 4])
    #expect(first.reasons.contains(PlanReason(h: b, reason: .chunkTaken(chunks: 1))))
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 63])
    // The last 37 tokens of b leave room for c, which waits all the same.
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 37])
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 1, c: 40])
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 1, c: 1])
  }

  // MARK: - Tiles

  /// One decode and a budget of 60: the iteration has 48 tokens, three tiles, and not 60. The rest of a prompt is not
  /// cut.
  @Test func chunksEndWithATile() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 60))
    var core = SchedulerCore(
      engine: engine.description, policy: policy(.decodeFirst, BatchRules(chunkTileTokens: 16)))
    let a = engine.arrive(prompt: 4, maxOutput: 9)
    #expect(items(try advance(&core, &engine)) == [a: 4])
    let b = engine.arrive(prompt: 120, maxOutput: 9)
    let plan = try advance(&core, &engine)
    #expect(items(plan) == [a: 1, b: 47])
    #expect(plan.reasons.contains(PlanReason(h: b, reason: .chunkBudget(tokens: 47))))
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 47])
    #expect(items(try advance(&core, &engine)) == [a: 1, b: 26])
  }

  /// A budget of 10 lies within the first tile: that is paid for as soon as anything runs.
  @Test func aTileThatIsBegunIsUsed() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 10))
    var core = SchedulerCore(
      engine: engine.description, policy: policy(.decodeFirst, BatchRules(chunkTileTokens: 16)))
    let a = engine.arrive(prompt: 100, maxOutput: 9)
    #expect(items(try advance(&core, &engine)) == [a: 10])
  }

  // MARK: - Budget from slack

  /// 1 ms per token, and after one measurement still 3.5 % of the caution of the start. While nobody decodes the budget
  /// of 256 holds. Beside a decode with 25 ms per token an iteration may take 24.5 ms (2 % are left unused): 23 tokens
  /// take 23.8 ms, 22 of them prefill. With 200 ms everything fits.
  @Test(arguments: [(1, 22), (2, 100)])
  func chunksFitTheTightestDecode(decoding: Int, tokens: Int) throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: policy(.decodeFirst, BatchRules(budget: .slack)))
    engine.iterationUs = 30_000
    let a = engine.arrive(prompt: 30, maxOutput: 9, requestClass: decoding)
    #expect(items(try advance(&core, &engine)) == [a: 30])
    let b = engine.arrive(prompt: 100, maxOutput: 9, requestClass: 2)
    #expect(items(try advance(&core, &engine)) == [a: 1, b: tokens])
  }

  /// 40 decodes of 1 ms are late whatever is done: prompts go on by the least chunk.
  @Test func promptsDoNotStarveBehindLateDecodes() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256, sequences: 50))
    var core = SchedulerCore(engine: engine.description, policy: policy(.decodeFirst, BatchRules(budget: .slack)))
    engine.iterationUs = 40_000
    for _ in 0..<40 { engine.arrive(prompt: 1, maxOutput: 9) }
    _ = try advance(&core, &engine)
    let long = engine.arrive(prompt: 100, maxOutput: 9)
    let other = engine.arrive(prompt: 100, maxOutput: 9)
    let plan = items(try advance(&core, &engine))
    #expect(plan[long] == 16 && plan[other] == nil && plan.count == 41)
  }

  // MARK: - Slices

  /// One place in each iteration, slices of two tokens: a, b, a, b, a, b.
  @Test func twoRequestsShareOnePlace() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(
      engine: engine.description, policy: policy(.sliceLevel, sequences: 1, BatchRules(sliceIterations: 2)))
    let a = engine.arrive(prompt: 4, maxOutput: 6)
    let b = engine.arrive(prompt: 4, maxOutput: 6)
    var served: [RequestHandle] = []
    for step in 0..<12 {
      let plan = try advance(&core, &engine)
      served += plan.run.map(\.h)
      if step == 2 { #expect(plan.reasons.contains(PlanReason(h: a, reason: .pausedSlice(iterations: 2)))) }
    }
    #expect(served == [a, a, b, b, a, a, b, b, a, a, b, b])
    #expect(engine.finished == 2)
  }

  /// Slices of one token, and a short request comes before every iteration. Those that came before its slice ended go
  /// first: the long one is served in iterations 1, 4, 8, 13 and 19.
  @Test func whoComesLaterWaitsForItsTurn() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(
      engine: engine.description, policy: policy(.sliceLevel, sequences: 1, BatchRules(sliceIterations: 1)))
    let long = engine.arrive(prompt: 4, maxOutput: 5)
    var served: [Int] = []
    for iteration in 1...20 {
      engine.arrive(prompt: 4, maxOutput: 1)
      if try advance(&core, &engine).run.map(\.h) == [long] { served.append(iteration) }
    }
    #expect(served == [1, 4, 8, 13, 19])
  }

  /// With a place for everybody no slice matters; without `pause` none ends.
  @Test(arguments: [true, false])
  func nobodyIsPausedForNothing(hasPause: Bool) throws {
    var capabilities: Capabilities = [.order, .hold, .chunk, .requeue]
    if hasPause { capabilities.insert(.pause) }
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64, capabilities: capabilities))
    var core = SchedulerCore(
      engine: engine.description,
      policy: policy(.sliceLevel, sequences: hasPause ? 2 : 1, BatchRules(sliceIterations: 1)))
    let a = engine.arrive(prompt: 4, maxOutput: 4)
    let b = engine.arrive(prompt: 4, maxOutput: 4)
    for _ in 0..<4 { #expect(try advance(&core, &engine).run.map(\.h).contains(a)) }
    #expect(engine.live[b] == nil || !hasPause)
  }
}
