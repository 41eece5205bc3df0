import SchedulerCore
import Testing

/// Who is served in which iteration, worked out by hand for each ordering of the waiting requests. The engine runs one
/// request at a time unless a test says otherwise, so that the order of service is the order of the queue.
struct OrderingTests {
  private var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256, sequences: 1))

  /// Names of the requests in the order in which they were first planned.
  private mutating func order(_ policy: PolicyConfig, steps: Int = 40) throws -> [String] {
    var core = SchedulerCore(engine: engine.description, policy: policy)
    var order: [String] = []
    for _ in 0..<steps where !engine.live.isEmpty {
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [])
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      #expect(core.planViolations(plan) == [])
      for item in plan.run {
        let name = engine.live[item.h]!.id
        if !order.contains(name) { order.append(name) }
      }
      engine.run(plan)
    }
    return order
  }

  /// Classes: interactive 500 ms, batch 60 s to the first token. Deadlines: patient 60 s, urgent 500 ms - 1 ms of age,
  /// its own limit of 100 ms for `pressed`.
  @Test mutating func edfServesTheEarliestDeadline() throws {
    engine.arrive(prompt: 8, maxOutput: 1, name: "patient", requestClass: 2, ageUs: 900)
    engine.arrive(prompt: 8, maxOutput: 1, name: "urgent", requestClass: 1, ageUs: 500)
    engine.arrive(prompt: 8, maxOutput: 1, name: "pressed", requestClass: 2, ttftSLOMs: 100)
    #expect(try order(.test(ordering: .edf)) == ["pressed", "urgent", "patient"])
  }

  /// Both have 500 ms. `long` arrives 1 ms later, but its 200 tokens of prefill take more than 1 ms longer than the 8
  /// of `short`: its slack is smaller. EDF serves `short` first.
  @Test(arguments: [PolicyConfig.Ordering.leastSlack, .edf])
  mutating func leastSlackLooksAtTheWorkToo(ordering: PolicyConfig.Ordering) throws {
    engine.arrive(prompt: 8, maxOutput: 1, name: "short", ageUs: 1_000)
    engine.arrive(prompt: 200, maxOutput: 1, name: "long", ageUs: 0)
    #expect(
      try order(.test(ordering: ordering, timeModel: .plain))
        == (ordering == .edf ? ["short", "long"] : ["long", "short"]))
  }

  /// Work: 100 + 5 output, 20 + 5, 60 - 48 cached + 5, 20 + 90 (the output's limit is below the 200 expected).
  @Test mutating func sjfServesTheLeastPredictedWork() throws {
    engine.arrive(prompt: 100, maxOutput: 5, name: "105", ageUs: 900)
    engine.arrive(prompt: 20, maxOutput: 5, name: "25", ageUs: 800)
    engine.arrive(prompt: 60, maxOutput: 5, name: "17", ageUs: 700, cachedTokens: 48)
    engine.arrive(prompt: 20, maxOutput: 90, name: "110", ageUs: 600)
    #expect(try order(.test(ordering: .sjfPredicted), steps: 120) == ["17", "25", "105", "110"])
  }

  /// One request per iteration of 1 ms, and short ones keep coming: the long one has waited 5 ms at the sixth iteration.
  /// Without a bound it waits for ever.
  @Test(arguments: [5, nil] as [Int?])
  mutating func theStarvingGoFirst(boundMs: Int?) throws {
    var core = SchedulerCore(
      engine: engine.description, policy: .test(ordering: .sjfPredicted, starvationBoundMs: boundMs))
    engine.arrive(prompt: 200, maxOutput: 1, name: "long")
    var iterations = 0
    var isServed = false
    while iterations < 40, !isServed {
      engine.arrive(prompt: 2, maxOutput: 1)
      try core.apply(engine.step())
      var plan = StepPlan()
      core.plan(resources: .unknown, into: &plan)
      #expect(core.mirrorViolations() == [])
      isServed = plan.run.contains { engine.live[$0.h]!.id == "long" }
      iterations += 1
      engine.run(plan)
    }
    #expect(iterations == (boundMs == nil ? 40 : 6))
  }

  /// Cost of each: 10 + 2 x 1 = 12 weighted tokens. Tags of tenant a (weight 1): 12, 24. Of tenant b (weight 3): 4, 8,
  /// 12, 16. At 12 the earlier arrival goes first: a1.
  @Test mutating func weightedFairServesTheSmallestTag() throws {
    for i in 1...2 { engine.arrive(prompt: 10, maxOutput: 1, name: "a\(i)", requestClass: 2, ageUs: 900) }
    for i in 1...4 { engine.arrive(prompt: 10, maxOutput: 1, name: "b\(i)", requestClass: 2, tenant: 3) }
    let policy = PolicyConfig.test(ordering: .weightedFair, tenants: [.init(name: "tenant-b", weight: 3)])
    #expect(try order(policy) == ["b1", "b2", "a1", "b3", "b4", "a2"])
  }

  /// Flows are tenants within classes: interactive has weight 3, batch 1. Tags of the batch class: 12, 24; of the
  /// interactive class 4, 8, 12.
  @Test mutating func weightedFairHonoursTheClasses() throws {
    for i in 1...2 { engine.arrive(prompt: 10, maxOutput: 1, name: "batch\(i)", requestClass: 2, ageUs: 900) }
    for i in 1...3 { engine.arrive(prompt: 10, maxOutput: 1, name: "chat\(i)", requestClass: 1, ageUs: 500) }
    #expect(try order(.test(ordering: .weightedFair)) == ["chat1", "chat2", "batch1", "chat3", "batch2"])
  }
}
