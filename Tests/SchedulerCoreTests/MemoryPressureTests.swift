import SchedulerCore
import Testing

/// Plans under a machine that is short of host memory.
struct MemoryPressureTests {
  private func machine(_ level: MemoryPressureLevel, headroom: Int? = 4096) -> ResourceSnapshot {
    var snapshot = ResourceSnapshot.unknown
    snapshot.memoryLevel = level
    snapshot.memoryHeadroomBytes = Leaf(value: headroom, status: headroom == nil ? .lost : .ok, ageMs: headroom)
    return snapshot
  }

  private func advance(
    _ core: inout SchedulerCore, _ engine: inout FaithfulEngine, _ resources: ResourceSnapshot
  ) throws -> StepPlan {
    try core.apply(engine.step())
    #expect(core.mirrorViolations() == [])
    var plan = StepPlan()
    core.plan(resources: resources, into: &plan)
    #expect(core.planViolations(plan) == [])
    engine.run(plan)
    return plan
  }

  private func handles(_ plan: StepPlan) -> Set<RequestHandle> { Set(plan.run.map(\.h)) }

  @Test func nobodyNewIsAdmittedAtCloseAndRunningGoOn() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 4, maxOutput: 20)
    #expect(handles(try advance(&core, &engine, machine(.none))) == [a])
    let b = engine.arrive(prompt: 4, maxOutput: 20)
    let c = engine.arrive(prompt: 4, maxOutput: 20)
    let closed = try advance(&core, &engine, machine(.close))
    #expect(handles(closed) == [a])
    #expect(closed.reasons == [PlanReason(h: b, reason: .waitingMemory(headroomBytes: 4096))])
    // The same constraint is said once.
    let again = try advance(&core, &engine, machine(.close))
    #expect(handles(again) == [a] && again.reasons.isEmpty)
    #expect(handles(try advance(&core, &engine, machine(.shrink))) == [a, b, c])
  }

  @Test(arguments: [MemoryPressureLevel.none, .warn, .shrink])
  func lesserLevelsAdmit(_ level: MemoryPressureLevel) throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 4, maxOutput: 3)
    let b = engine.arrive(prompt: 4, maxOutput: 3)
    #expect(handles(try advance(&core, &engine, machine(level))) == [a, b])
  }

  @Test func headroomThatNobodyKnowsIsNone() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    engine.arrive(prompt: 4, maxOutput: 20)
    _ = try advance(&core, &engine, machine(.none))
    let b = engine.arrive(prompt: 4, maxOutput: 20)
    let closed = try advance(&core, &engine, machine(.close, headroom: nil))
    #expect(closed.reasons == [PlanReason(h: b, reason: .waitingMemory(headroomBytes: 0))])
  }

  @Test func preemptedRequestsReturnAtClose() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(blocks: 5, stepTokens: 256))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    let a = engine.arrive(prompt: 32, maxOutput: 3)
    let b = engine.arrive(prompt: 32, maxOutput: 3)
    #expect(handles(try advance(&core, &engine, machine(.none))) == [a, b])
    let c = engine.arrive(prompt: 4, maxOutput: 3)
    #expect(try advance(&core, &engine, machine(.close)).requeue == [b])
    var seen: Set<RequestHandle> = []
    for _ in 0..<3 { seen.formUnion(handles(try advance(&core, &engine, machine(.close)))) }
    #expect(seen == [a, b])
    #expect(engine.live[c] != nil)
  }

  /// With nothing running and nothing in flight one request is admitted, whatever the level: no queue waits for ever
  /// for memory that others hold.
  @Test func aClosedMachineStillServesOneByOne() throws {
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64))
    var core = SchedulerCore(engine: engine.description, policy: .test())
    for _ in 0..<5 { engine.arrive(prompt: 4, maxOutput: 3) }
    for _ in 0..<40 where !engine.live.isEmpty {
      let plan = try advance(&core, &engine, machine(.close))
      #expect(plan.run.count <= 1)
    }
    #expect(engine.finished == 5)
  }

  /// FastServe takes blocks from a for b by moving a to host memory. From `shrink` on host memory takes no more: b
  /// waits, since a would have to be computed again.
  @Test(arguments: MemoryPressureLevel.allCases)
  func hostMemoryTakesKVBelowShrinkOnly(_ level: MemoryPressureLevel) throws {
    var engine = FaithfulEngine(
      FaithfulEngine.description(
        blocks: 5, stepTokens: 64, capabilities: [.order, .hold, .chunk, .pause, .requeue, .swapCPU]))
    engine.iterationUs = 8_000
    let time = IterationTimeModel(
      form: .linear, decodeOnly: .init(a: 0, b: 0, c: 0, d: 0.1, e: 0),
      withPrefill: .init(a: 0, b: 0.1, c: 0, d: 0.1, e: 0), overheadUs: 0)
    var core = SchedulerCore(
      engine: engine.description, policy: .test(ordering: .mlfq, strategy: .ranked, timeModel: time))
    let a = engine.arrive(prompt: 33, maxOutput: 9)
    _ = try advance(&core, &engine, machine(.none))
    _ = try advance(&core, &engine, machine(.none))
    let b = engine.arrive(prompt: 40, maxOutput: 1)
    let plan = try advance(&core, &engine, machine(level))
    let takes = level == .none || level == .warn
    #expect(plan.swapCPU == (takes ? [a] : []))
    #expect(handles(plan) == [takes ? b : a])
    #expect(plan.requeue == [])
  }
}
