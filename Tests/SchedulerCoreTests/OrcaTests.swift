import SchedulerCore
import Testing

/// Orca (Yu et al., OSDI 2022), worked out by hand: blocks of 16 tokens.
struct OrcaTests {
  private func advance(_ core: inout SchedulerCore, _ engine: inout FaithfulEngine) throws -> [RequestHandle: Int] {
    let plan = try engine.plan(&core)
    #expect(plan.requeue == [])
    engine.run(plan)
    return Dictionary(uniqueKeysWithValues: plan.run.map { ($0.h, $0.n) })
  }

  /// 10 blocks. a and b reserve 32 + 32 tokens, 4 blocks each, c 16 + 2, 2 blocks: all taken. d wants 2 more: it waits,
  /// although only 5 blocks are in use, until c has ended. vLLM would admit it at once.
  @Test(arguments: [PolicyConfig.BatchStrategy.orca, .continuous])
  func blocksForTheLongestOutputAreReserved(strategy: PolicyConfig.BatchStrategy) throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 10, stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: .test(strategy: strategy))
    let a = engine.arrive(prompt: 32, maxOutput: 32)
    let b = engine.arrive(prompt: 32, maxOutput: 32)
    let c = engine.arrive(prompt: 16, maxOutput: 2)
    let d = engine.arrive(prompt: 16, maxOutput: 16)
    let first = try advance(&core, &engine)
    guard strategy == .orca else {
      #expect(first == [a: 32, b: 32, c: 16, d: 16])
      return
    }
    #expect(first == [a: 32, b: 32, c: 16])
    #expect(try advance(&core, &engine) == [a: 1, b: 1, c: 1])
    // c ended with its second token.
    #expect(try advance(&core, &engine) == [a: 1, b: 1, d: 16])
    while !engine.live.isEmpty { _ = try advance(&core, &engine) }
  }

  /// 64 tokens per iteration. b's 40 do not fit beside a's 40, and c, which would, may not pass b. In the next
  /// iteration a decodes, and b and c have 63: b and c's 8 run whole. vLLM would give b 24 tokens at once.
  @Test func promptsRunWholeAndNobodyPasses() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test(strategy: .orca))
    let a = engine.arrive(prompt: 40, maxOutput: 9)
    let b = engine.arrive(prompt: 40, maxOutput: 9)
    let c = engine.arrive(prompt: 8, maxOutput: 9)
    #expect(try advance(&core, &engine) == [a: 40])
    #expect(try advance(&core, &engine) == [a: 1, b: 40, c: 8])
  }

  /// A prompt of 100 tokens on an engine that takes 64 at once: it could never run whole.
  @Test func promptsBeyondTheEnginesLimitAreCut() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test(strategy: .orca))
    let a = engine.arrive(prompt: 100, maxOutput: 2)
    #expect(try advance(&core, &engine) == [a: 64])
    #expect(try advance(&core, &engine) == [a: 36])
  }

  @Test func atMostTheGivenSequencesRun() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64, sequences: 2))
    var core = SchedulerCore(engine: engine.description, policy: .test(strategy: .orca))
    for _ in 0..<4 { engine.arrive(prompt: 4, maxOutput: 3) }
    #expect(try advance(&core, &engine).count == 2)
  }

  /// Reservations are kept, so blocks never run out: nobody is preempted, in random queues that make vLLM preempt.
  @Test func nobodyIsEverPreempted() throws {
    for seed in UInt64(1)...6 {
      var random = SplitMix64(seed)
      var engine = FaithfulEngine(FaithfulEngine.description(blocks: 14, stepTokens: 64, sequences: 6))
      var core = SchedulerCore(engine: engine.description, policy: .test(strategy: .orca))
      for _ in 0..<30 { engine.arrive(prompt: 1 + random.below(90), maxOutput: 1 + random.below(90)) }
      for _ in 0..<4_000 where !engine.live.isEmpty {
        _ = try advance(&core, &engine)
        #expect(engine.freeBlocks >= 0, "seed \(seed)")
      }
      #expect(engine.finished == 30, "seed \(seed)")
    }
  }
}
