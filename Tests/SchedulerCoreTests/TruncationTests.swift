import SchedulerCore
import Testing

/// Dropping the tail, by hand: blocks of 16 tokens, 1 ms per token.
struct TruncationTests {
  private static let verbs: Capabilities = [.order, .hold, .chunk, .pause, .requeue, .victimOrder]

  private func policy() -> PolicyConfig {
    var policy = PolicyConfig.test(victims: .cost, timeModel: .plain)
    policy.preemption.means = .cost
    return policy
  }

  private func advance(_ core: inout SchedulerCore, _ engine: inout FaithfulEngine) throws -> StepPlan {
    let plan = try engine.plan(&core)
    engine.run(plan)
    #expect(engine.freeBlocks >= 0)
    return plan
  }

  /// Five blocks, and b can be away for longer than a. a and b hold two each; a takes the fifth, b is one short and waits
  /// with what it has. 16 tokens later a is one short: b gives one block and keeps 16 of its 32 tokens. When a has ended,
  /// b computes 17 tokens, not 33.
  @Test func aVictimKeepsItsHead() throws {
    let verbs = Self.verbs.union(.truncate)
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 5, stepTokens: 256, capabilities: verbs))
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let a = engine.arrive(prompt: 32, maxOutput: 20)
    let b = engine.arrive(prompt: 32, maxOutput: 20, requestClass: 2)
    #expect(try advance(&core, &engine).run.map(\.n) == [32, 32])
    let second = try advance(&core, &engine)
    #expect(second.run == [StepPlan.Item(h: a, n: 1, k: 0)] && second.requeue == [] && second.truncate == [])
    #expect(second.reasons.contains(PlanReason(h: b, reason: .pausedKV(missingBlocks: 1))))
    for _ in 0..<15 { #expect(try advance(&core, &engine).truncate == []) }
    let cut = try advance(&core, &engine)
    #expect(cut.truncate == [StepPlan.Truncation(h: b, keepTokens: 16)] && cut.requeue == [])
    #expect(cut.reasons.contains(PlanReason(h: b, reason: .truncatedKV(tokens: 16))))
    var back: StepPlan.Item?
    while back == nil, engine.live[b] != nil {
      let plan = try advance(&core, &engine)
      #expect(plan.requeue == [] && plan.truncate == [])
      back = plan.run.first { $0.h == b }
    }
    #expect(back?.n == 17 && engine.live[a] == nil)
    while !engine.live.isEmpty { _ = try advance(&core, &engine) }
    // Two prompts of 32 and twice 19 decodes, and the 16 that were dropped.
    #expect(engine.computedTokens == 2 * (32 + 19) + 16)
  }

  /// Without the verb b is computed again from the start.
  @Test func withoutTheVerbAllOfItGoes() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 5, stepTokens: 256, capabilities: Self.verbs))
    var core = SchedulerCore(engine: engine.description, policy: policy())
    engine.arrive(prompt: 32, maxOutput: 20)
    let b = engine.arrive(prompt: 32, maxOutput: 20)
    _ = try advance(&core, &engine)
    let second = try advance(&core, &engine)
    #expect(second.requeue == [b] && second.truncate == [])
    while !engine.live.isEmpty { #expect(try advance(&core, &engine).truncate == []) }
    #expect(engine.computedTokens >= 2 * (32 + 19) + 32)
  }

  /// A group with a window has dropped what lies before it: there is no way back to an earlier token.
  @Test func noTailIsDroppedBehindAWindow() throws {
    var description = FaithfulEngine.description(
      blocks: 5, stepTokens: 256, capabilities: Self.verbs.union(.truncate))
    description.model.kvGroups[0].windowTokens = 1_024
    var engine = FaithfulEngine(description)
    var core = SchedulerCore(engine: engine.description, policy: policy())
    engine.arrive(prompt: 32, maxOutput: 20)
    engine.arrive(prompt: 32, maxOutput: 20)
    while !engine.live.isEmpty { #expect(try advance(&core, &engine).truncate == []) }
  }

  /// Another policy under which nothing is cut: who was cut goes on.
  @Test func aChangeOfPolicyLeavesNobodyBehind() throws {
    let verbs = Self.verbs.union(.truncate)
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 5, stepTokens: 256, capabilities: verbs))
    var core = SchedulerCore(engine: engine.description, policy: policy())
    engine.arrive(prompt: 32, maxOutput: 20)
    engine.arrive(prompt: 32, maxOutput: 20)
    var steps = 0
    while !engine.live.isEmpty {
      try #require(steps < 500)
      if try advance(&core, &engine).truncate != [] { core.setPolicy(.test()) }
      steps += 1
    }
    #expect(engine.finished == 2)
  }
}
