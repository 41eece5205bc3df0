import SchedulerCore
import Testing

/// Hand-worked iterations: what vLLM V1's loop does with the same queue (ALGORITHMS, "vLLM V1").
struct BatchTests {
  private func advance(_ core: inout SchedulerCore, _ engine: inout FaithfulEngine) throws -> StepPlan {
    let plan = try engine.plan(&core)
    engine.run(plan)
    return plan
  }

  private func items(_ plan: StepPlan) -> [RequestHandle: Int] {
    Dictionary(uniqueKeysWithValues: plan.run.map { ($0.h, $0.n) })
  }

  @Test func budgetIsSharedByDecodesAndChunks() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let short = engine.arrive(prompt: 20, maxOutput: 4)
    let long = engine.arrive(prompt: 100, maxOutput: 4)
    let first = try advance(&core, &engine)
    #expect(items(first) == [short: 20, long: 44])
    #expect(first.reasons.contains(PlanReason(h: long, reason: .chunkBudget(tokens: 44))))
    // The first token of `short` came out: it decodes; `long` goes on with the rest of its prompt.
    #expect(items(try advance(&core, &engine)) == [short: 1, long: 56])
    #expect(items(try advance(&core, &engine)) == [short: 1, long: 1])
  }

  @Test func longPrefillThresholdCutsChunks() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test(longPrefillTokens: 24))
    let a = engine.arrive(prompt: 100, maxOutput: 2)
    let b = engine.arrive(prompt: 100, maxOutput: 2)
    #expect(items(try advance(&core, &engine)) == [a: 24, b: 24])
  }

  @Test func sequencesLimitStopsAdmission() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64, sequences: 2))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 4, maxOutput: 3)
    let b = engine.arrive(prompt: 4, maxOutput: 9)
    let c = engine.arrive(prompt: 4, maxOutput: 3)
    let first = try advance(&core, &engine)
    #expect(items(first) == [a: 4, b: 4])
    #expect(first.reasons.contains(PlanReason(h: c, reason: .waitingSequences(sequences: 2))))
    #expect(first.order == [c])
    _ = try advance(&core, &engine)
    _ = try advance(&core, &engine)
    #expect(items(try advance(&core, &engine)) == [b: 1, c: 4])
  }

  @Test func lastAdmittedIsPreemptedAndComesBackFirst() throws {
    // 6 blocks of 16: two prompts of 32 leave 2 blocks; both need one more after their prompt.
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 5, stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 32, maxOutput: 20)
    let b = engine.arrive(prompt: 32, maxOutput: 20)
    let c = engine.arrive(prompt: 32, maxOutput: 20)
    let first = try advance(&core, &engine)
    #expect(items(first) == [a: 32, b: 32])
    #expect(first.reasons.contains(PlanReason(h: c, reason: .waitingKV(missingBlocks: 1))))
    let second = try advance(&core, &engine)
    #expect(second.requeue == [b])
    #expect(items(second) == [a: 1])
    #expect(second.reasons.contains(PlanReason(h: b, reason: .preemptedKV(blocks: 2))))
    // Only if nothing was preempted are waiting requests looked at; now b, the last preempted, is ahead of c.
    let third = try advance(&core, &engine)
    #expect(items(third)[a] == 1)
    #expect(items(third)[b] == nil || items(third)[c] == nil)
    #expect(third.order.first == c || third.order.first == b)
  }

  @Test func headOfLineBlocksEverybodyBehindIt() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 8, stepTokens: 256, fullPromptMustFit: true))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 64, maxOutput: 40)
    let big = engine.arrive(prompt: 96, maxOutput: 4)
    let small = engine.arrive(prompt: 8, maxOutput: 4)
    let first = try advance(&core, &engine)
    #expect(items(first) == [a: 64])
    #expect(first.order == [big, small])
    #expect(first.reasons.contains(PlanReason(h: big, reason: .waitingKV(missingBlocks: 2))))
  }

  @Test func priorityServesTheBetterRankFirst() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 8, sequences: 1))
    var core = SchedulerCore(engine: engine.description, policy: .test(ordering: .priority))
    engine.arrive(prompt: 8, maxOutput: 1, requestClass: 2, ageUs: 500)
    let urgent = engine.arrive(prompt: 8, maxOutput: 1, requestClass: 1)
    #expect(items(try advance(&core, &engine)) == [urgent: 8])
  }

  @Test(arguments: [PolicyConfig.BatchStrategy.continuous, .decodeFirst])
  func decodesComeFirst(strategy: PolicyConfig.BatchStrategy) throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 10))
    var core = SchedulerCore(engine: engine.description, policy: .test(strategy: strategy, longPrefillTokens: 8))
    let long = engine.arrive(prompt: 100, maxOutput: 2)
    let short = engine.arrive(prompt: 2, maxOutput: 9)
    #expect(items(try advance(&core, &engine)) == [long: 8, short: 2])
    // Without the chunk limit the long prompt, admitted first, could take the whole budget of 10.
    core.setPolicy(.test(strategy: strategy))
    let plan = try advance(&core, &engine)
    #expect(items(plan) == (strategy == .decodeFirst ? [short: 1, long: 9] : [long: 10]))
  }

  @Test func watermarkKeepsBlocksForRunningRequests() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 10, stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: .test(watermarkPpm: 200_000))
    let a = engine.arrive(prompt: 64, maxOutput: 9)
    let b = engine.arrive(prompt: 80, maxOutput: 9)
    let first = try advance(&core, &engine)
    #expect(first.cache == CachePlan(watermarkBlocks: [2]))
    #expect(items(first) == [a: 64])
    #expect(first.reasons.contains(PlanReason(h: b, reason: .waitingKV(missingBlocks: 1))))
    #expect(try advance(&core, &engine).cache == nil)
  }

  @Test func nothingToRunHolds() throws {
    var engine = FaithfulEngine(FaithfulEngine.description())
    var core = SchedulerCore(engine: engine.description, policy: .test())
    #expect(try advance(&core, &engine).holdUs == 5_000)
  }

  @Test func blockedRequestsAreNoCandidates() throws {
    var engine = FaithfulEngine(FaithfulEngine.description())
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 4, maxOutput: 9)
    engine.setBlocked(a, true)
    let b = engine.arrive(prompt: 4, maxOutput: 9)
    #expect(items(try advance(&core, &engine)) == [b: 4])
    engine.setBlocked(a, false)
    #expect(items(try advance(&core, &engine)) == [a: 4, b: 1])
  }

  @Test func steadyDecodeIsSaidInOneWord() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    for _ in 0..<6 { engine.arrive(prompt: 4, maxOutput: 9) }
    #expect(try !advance(&core, &engine).decodesAll)
    let plan = try advance(&core, &engine)
    #expect(plan.decodesAll)
    #expect(plan.decodeCount == 6)
    #expect(plan.pause == [])
  }

  @Test func draftsAreWithinWhatMayStillComeOut() throws {
    let description = FaithfulEngine.description(
      stepTokens: 64, drafter: .init(kMax: 3, per: .request), capabilities: [.chunk, .pause, .requeue, .draftRequest])
    var engine = FaithfulEngine(description)
    var core = SchedulerCore(engine: description, policy: .test(drafts: 5))
    let a = engine.arrive(prompt: 4, maxOutput: 7)
    _ = try advance(&core, &engine)
    #expect(try advance(&core, &engine).run == [StepPlan.Item(h: a, n: 4, k: 3)])
    // 5 of 7 tokens are out: one sure token and one draft may still come.
    #expect(try advance(&core, &engine).run == [StepPlan.Item(h: a, n: 2, k: 1)])
    #expect(engine.finished == 1)
  }
}
