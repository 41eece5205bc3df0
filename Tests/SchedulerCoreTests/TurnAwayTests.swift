import SchedulerCore
import Testing

/// Admission that says no, by hand: 1 ms per token, one request at a time, blocks for all.
struct TurnAwayTests {
  private static let verbs: Capabilities = [.order, .hold, .chunk, .pause, .requeue, .abort]

  private func policy(
    depth: Int? = nil, infeasible: AdmissionRules.Infeasible = .keep,
    strategy: PolicyConfig.BatchStrategy = .continuous
  ) -> PolicyConfig {
    var policy = PolicyConfig.test(
      ordering: strategy == .goodput ? .goodput : .fcfs, strategy: strategy, timeModel: .plain)
    policy.admission.queueDepth = depth
    policy.admission.infeasible = infeasible
    return policy
  }

  private func engine(_ verbs: Capabilities = verbs) -> FaithfulEngine {
    FaithfulEngine(FaithfulEngine.description(stepTokens: 64, sequences: 1, capabilities: verbs))
  }

  /// Four arrive, one runs, one may wait: the two that came last end, the newest first. A plan that never arrived is
  /// made good by the next one.
  @Test func whoCameLastEndsBeyondTheDepth() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(depth: 1))
    let arrived = (0..<4).map { engine.arrive(prompt: 10, maxOutput: 20, ageUs: Int64(400 - 100 * $0)) }
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == [arrived[0]])
    #expect(first.abort.map(\.h) == [arrived[3], arrived[2]])
    #expect(first.abort.allSatisfy { $0.retryAfterMs == 1_000 })
    #expect(first.reasons.contains(PlanReason(h: arrived[3], reason: .shedQueueDepth(waiting: 3))))
    core.dropPlan()
    var again = StepPlan()
    core.plan(resources: .unknown, into: &again)
    #expect(again.abort.map(\.h) == [arrived[3], arrived[2]])
    engine.run(again)
    #expect(try engine.plan(&core).abort.isEmpty)
  }

  /// 60 tokens take 60 ms and 50 are left: too late by 10, and by the millisecond of the Step. The other has time.
  @Test func whoCannotBeInTimeEnds() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(infeasible: .abort))
    let running = engine.arrive(prompt: 10, maxOutput: 20, ageUs: 100)
    engine.run(try engine.plan(&core))
    let late = engine.arrive(prompt: 60, maxOutput: 5, ttftSLOMs: 50)
    let early = engine.arrive(prompt: 60, maxOutput: 5, ttftSLOMs: 500)
    let next = try engine.plan(&core)
    #expect(next.run.map(\.h) == [running])
    #expect(next.abort.map(\.h) == [late])
    #expect(next.reasons.contains { $0.h == late && $0.reason.code == "shed_infeasible" })
    engine.run(next)
    #expect(engine.live[late] == nil && engine.live[early] != nil)
  }

  /// First come, first served, but who cannot be in time any more stands behind who can. Without the verb `abort` means
  /// the same.
  @Test(arguments: [
    (AdmissionRules.Infeasible.keep, Self.verbs, true), (.defer, Self.verbs, false),
    (.abort, Self.verbs.subtracting(.abort), false),
  ]) func whoCannotBeInTimeWaits(infeasible: AdmissionRules.Infeasible, verbs: Capabilities, goesFirst: Bool) throws {
    var engine = engine(verbs)
    var core = SchedulerCore(engine: engine.description, policy: policy(infeasible: infeasible))
    let late = engine.arrive(prompt: 60, maxOutput: 5, ageUs: 300, ttftSLOMs: 50)
    let early = engine.arrive(prompt: 60, maxOutput: 5, ageUs: 200, ttftSLOMs: 500)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == [goesFirst ? late : early])
    #expect(first.abort.isEmpty)
  }

  /// Who runs, or ran, is never turned away.
  @Test func whoRunsStays() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(depth: 0, infeasible: .abort))
    let only = engine.arrive(prompt: 60, maxOutput: 5, ageUs: 900, ttftSLOMs: 1)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == [only] && first.abort.isEmpty)
    engine.run(first)
    #expect(try engine.plan(&core).abort.isEmpty)
  }

  /// No more wait after a plan than the policy lets wait, and everybody finishes or is turned away.
  @Test(arguments: [PolicyConfig.BatchStrategy.continuous, .decodeFirst, .ranked, .goodput], UInt64(1)...10)
  func theQueueStaysWithinItsDepth(strategy: PolicyConfig.BatchStrategy, seed: UInt64) throws {
    var random = SplitMix64(seed)
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(depth: 3, strategy: strategy))
    var arrived = 0
    var turnedAway = 0
    for _ in 0..<5_000 where arrived < 60 || !engine.live.isEmpty {
      for _ in 0..<random.below(3) where arrived < 60 {
        engine.arrive(prompt: 1 + random.below(100), maxOutput: 1 + random.below(10))
        arrived += 1
      }
      let plan = try engine.plan(&core)
      turnedAway += plan.abort.count
      engine.run(plan)
      #expect(engine.live.values.count { !$0.running } <= 3, "seed \(seed)")
    }
    #expect(engine.live.isEmpty, "seed \(seed)")
    #expect(engine.finished + turnedAway == 60 && turnedAway > 0, "seed \(seed)")
  }
}
