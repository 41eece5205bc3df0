import SchedulerCore
import Testing

/// Capacity by class, by hand: 4 places, half of them each class's own, blocks for all unless said otherwise.
struct AtLeastTests {
  private static let verbs: Capabilities = [.order, .hold, .chunk, .pause, .requeue]

  private func policy(
    _ allocation: PolicyConfig.Allocation = .atLeast, quota: Int = 2, perSecond: Int? = nil
  ) -> PolicyConfig {
    var policy = PolicyConfig.test(sequences: 4)
    policy.allocation = allocation
    policy.classes[0].reservedPpm = 500_000
    policy.classes[1].reservedPpm = 500_000
    policy.classes[1].upgradeQuota = quota
    policy.classes[1].upgradesPerSecond = perSecond
    return policy
  }

  private func engine(blocks: Int = 1_000, stepTokens: Int = 64, _ verbs: Capabilities = verbs) -> FaithfulEngine {
    FaithfulEngine(FaithfulEngine.description(blocks: blocks, stepTokens: stepTokens, capabilities: verbs))
  }

  private func arriveBatch(_ engine: inout FaithfulEngine, _ count: Int, prompt: Int = 10) -> [RequestHandle] {
    (0..<count).map {
      engine.arrive(prompt: prompt, maxOutput: 50, requestClass: 2, ageUs: Int64(1_000 - $0))
    }
  }

  private func says(_ plan: StepPlan, _ h: RequestHandle, _ reason: Reason) -> Bool {
    plan.reasons.contains(PlanReason(h: h, reason: reason))
  }

  /// The example of the requirement. Two batch requests on their own places, two on those of the sleeping class. It
  /// wakes, and runs in the very next iteration; the one upgraded last is paused and keeps its KV. When the place is
  /// idle again it goes on.
  @Test func aSleepingClassLendsAndIsServedAtOnceWhenItWakes() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let low = arriveBatch(&engine, 4)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == low)
    #expect(!first.reasons.contains { $0.h == low[1] && $0.reason.code == "upgraded" })
    #expect(says(first, low[2], .upgraded(requests: 1)) && says(first, low[3], .upgraded(requests: 2)))
    engine.run(first)
    let high = engine.arrive(prompt: 10, maxOutput: 2)
    let second = try engine.plan(&core)
    #expect(Set(second.run.map(\.h)) == [low[0], low[1], low[2], high])
    #expect(says(second, low[3], .returnedPlace(waiting: 1)))
    #expect(second.requeue.isEmpty)
    engine.run(second)
    let third = try engine.plan(&core)
    #expect(!third.run.map(\.h).contains(low[3]) && says(third, low[3], .waitingShare(requests: 3)))
    engine.run(third)
    #expect(engine.live[high] == nil)
    let fourth = try engine.plan(&core)
    #expect(Set(fourth.run.map(\.h)) == Set(low))
    #expect(says(fourth, low[3], .upgraded(requests: 2)))
  }

  /// However many of the lower class stand before it.
  @Test func nobodyOfALowerClassStandsBeforeIt() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy())
    _ = arriveBatch(&engine, 200)
    engine.run(try engine.plan(&core))
    let high = engine.arrive(prompt: 30, maxOutput: 2)
    let next = try engine.plan(&core)
    #expect(next.run.contains { $0.h == high && $0.n == 30 })
  }

  /// A prompt of the lower class takes what tokens the better one has no work for, and no more: 64 tokens, 32 each.
  @Test func tokensGoBackWithTheNextIteration() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let low = engine.arrive(prompt: 500, maxOutput: 2, requestClass: 2)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.n) == [64])
    engine.run(first)
    let high = engine.arrive(prompt: 30, maxOutput: 2)
    let second = try engine.plan(&core)
    #expect(second.run.first { $0.h == high }?.n == 30 && second.run.first { $0.h == low }?.n == 34)
  }

  @Test func theQuotaEndsUpgrades() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(quota: 1))
    let low = arriveBatch(&engine, 4)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == Array(low[..<3]))
    #expect(says(first, low[3], .upgradeQuota(requests: 1)))
  }

  /// One a second: the next one a second later.
  @Test func theRateEndsUpgradesForAWhile() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(perSecond: 1))
    let low = arriveBatch(&engine, 4)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == Array(low[..<3]))
    #expect(says(first, low[3], .upgradeRate(requests: 1)))
    engine.run(first)
    let second = try engine.plan(&core)
    #expect(second.run.count == 3)
    engine.run(second)
    engine.now += 1_000_000
    #expect(try engine.plan(&core).run.count == 4)
  }

  @Test func strictMeansItsOwnShareOnly() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(.strict))
    let low = arriveBatch(&engine, 4)
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == Array(low[..<2]))
    #expect(says(first, low[2], .waitingShare(requests: 2)))
  }

  /// A better class does not use what is a worse one's.
  @Test func aBetterClassKeepsToItsOwn() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let high = (0..<4).map { engine.arrive(prompt: 10, maxOutput: 9, ageUs: Int64(9 - $0)) }
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == Array(high[..<2]))
    #expect(says(first, high[2], .waitingShare(requests: 2)))
  }

  /// 16 blocks, 8 each. Four of the lower class hold 4 blocks each; the better one wants 7 at once. Both upgraded ones
  /// give theirs back in this very plan, the one that was paused first.
  @Test func blocksGoBackAtOnce() throws {
    var engine = engine(blocks: 16, stepTokens: 512)
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let low = arriveBatch(&engine, 4, prompt: 48)
    for _ in 0..<2 { engine.run(try engine.plan(&core)) }
    #expect(engine.freeBlocks == 0)
    let high = engine.arrive(prompt: 100, maxOutput: 2)
    let next = try engine.plan(&core)
    #expect(Set(next.run.map(\.h)) == [low[0], low[1], high])
    #expect(next.requeue == [low[3], low[2]])
    #expect(says(next, low[3], .returnedKV(blocks: 4)) && says(next, low[2], .returnedKV(blocks: 4)))
    engine.run(next)
    #expect(engine.freeBlocks >= 0)
  }

  /// An engine that can not pause gives the place back by preemption.
  @Test func withoutPauseTheUpgradedOneIsPreempted() throws {
    var engine = engine([.order, .hold, .chunk, .requeue])
    var core = SchedulerCore(engine: engine.description, policy: policy())
    let low = arriveBatch(&engine, 4)
    engine.run(try engine.plan(&core))
    let high = engine.arrive(prompt: 10, maxOutput: 2)
    let next = try engine.plan(&core)
    #expect(Set(next.run.map(\.h)) == [low[0], low[1], low[2], high])
    #expect(next.requeue == [low[3]] && says(next, low[3], .returnedKV(blocks: 1)))
  }

  /// Shares that come while everybody runs: the newest are paused until they fit.
  @Test func sharesMayComeLater() throws {
    var engine = engine()
    var core = SchedulerCore(engine: engine.description, policy: policy(.shared))
    let low = arriveBatch(&engine, 4)
    engine.run(try engine.plan(&core))
    core.setPolicy(policy(.strict))
    let next = try engine.plan(&core)
    #expect(next.run.map(\.h) == Array(low[..<2]))
    #expect(says(next, low[2], .waitingShare(requests: 2)))
    core.setPolicy(policy(.shared))
    engine.run(next)
    #expect(try engine.plan(&core).run.count == 4)
  }
}
