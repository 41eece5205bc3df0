import Testing

@testable import SchedulerCore

/// Groups of waiting requests, and how long a new one of each would wait. An engine that serves one request at a time, a
/// token per iteration of 1 ms once its prompt is computed: a request of 10 tokens of output takes 10 ms.
struct RequestGroupsTests {
  private static let outputTokens = 10

  private func engine() -> FaithfulEngine {
    FaithfulEngine(FaithfulEngine.description(stepTokens: 256, sequences: 1, capabilities: [.order, .chunk, .abort]))
  }

  private func core(_ engine: FaithfulEngine, _ policy: PolicyConfig) -> SchedulerCore {
    SchedulerCore(engine: engine.description, policy: policy)
  }

  @discardableResult
  private func arrive(
    _ engine: inout FaithfulEngine, _ count: Int, requestClass: Int = 1, ttftSLOMs: Int = 0
  ) -> [RequestHandle] {
    (0..<count).map { _ in
      engine.arrive(prompt: 10, maxOutput: Self.outputTokens, requestClass: requestClass, ttftSLOMs: ttftSLOMs)
    }
  }

  /// Plans and runs; keeps so many waiting.
  private func run(
    _ engine: inout FaithfulEngine, _ core: inout SchedulerCore, steps: Int, keeping waiting: Int,
    requestClass: Int = 1
  ) throws {
    for _ in 0..<steps {
      let missing = waiting - engine.live.values.count { !$0.running }
      if missing > 0 { arrive(&engine, missing, requestClass: requestClass) }
      engine.run(try engine.plan(&core))
    }
  }

  /// Milliseconds until each of the requests is in a plan.
  private func waits(
    _ engine: inout FaithfulEngine, _ core: inout SchedulerCore, of handles: [RequestHandle]
  ) throws -> [RequestHandle: Double] {
    var waits: [RequestHandle: Double] = [:]
    let startUs = engine.now
    while waits.count < handles.count {
      let plan = try engine.plan(&core)
      for item in plan.run where handles.contains(item.h) && waits[item.h] == nil {
        waits[item.h] = Double(engine.now - startUs) / 1_000
      }
      engine.run(plan)
    }
    return waits
  }

  private func view(_ core: inout SchedulerCore, _ name: String) throws -> GroupView {
    let views = core.groupViews()
    return try #require(views.first { $0.className == name })
  }

  // MARK: - First come, first served

  /// 30 wait, each takes 10 ms: one that arrives now waits for 300 ms, and the last of them for 290. Both are found from
  /// what was served before, whatever the work model says.
  @Test func whatIsAheadOverWhatIsServed() throws {
    var engine = engine()
    var core = core(engine, .test(timeModel: .plain))
    try run(&engine, &core, steps: 3_000, keeping: 30)
    let newcomer = arrive(&engine, 1)[0]
    let plan = try engine.plan(&core)
    let (byGroup, byPlace) = (core.arrivalEstimate(newcomer), core.waitEstimate(newcomer))
    let estimate = try #require(byGroup)
    let walked = try #require(byPlace)
    #expect(abs(Double(estimate.meanUs) / 300_000 - 1) < 0.08, "\(estimate)")
    #expect(abs(walked.meanUs - estimate.meanUs) < 1_000)
    #expect(estimate.boundUs > estimate.meanUs)
    engine.run(plan)
    let real = try waits(&engine, &core, of: [newcomer])[newcomer]!
    #expect(abs(Double(estimate.meanUs) / 1_000 / real - 1) < 0.08, "\(estimate), really \(real) ms")
    #expect(Double(estimate.boundUs) / 1_000 >= real)
  }

  /// Who runs does not wait, and who is blocked has no turn to wait for.
  @Test func onlyWhoWaitsHasAnEstimate() throws {
    var engine = engine()
    var core = core(engine, .test(timeModel: .plain))
    let handles = arrive(&engine, 3)
    engine.setBlocked(handles[2], true)
    engine.run(try engine.plan(&core))
    _ = try engine.plan(&core)
    let found = (handles + [99]).map { core.waitEstimate($0) != nil }
    #expect(found == [false, true, false, false])
    let isRunningEstimated = core.arrivalEstimate(handles[0]) != nil
    #expect(!isRunningEstimated)
  }

  // MARK: - Orders

  /// 20 of each class wait. Under fcfs a new one waits for all; by rank an interactive one for its own 20 only, and one
  /// of the lower class for all 40. By deadline one with 60 s waits for all that are due before, one with 500 ms for
  /// none of those with 60 s.
  @Test(arguments: [
    (PolicyConfig.Ordering.fcfs, 40.0, 40.0), (.priority, 20, 40), (.edf, 20, 40),
  ])
  func theOrderSaysWhatIsAhead(ordering: PolicyConfig.Ordering, interactive: Double, batch: Double) throws {
    var engine = engine()
    var core = core(engine, .test(ordering: ordering, timeModel: .plain))
    try run(&engine, &core, steps: 2_000, keeping: 20, requestClass: 2)
    // No further arrivals of the better class: nobody overtakes but the 20.
    arrive(&engine, 20, requestClass: 1)
    _ = try engine.plan(&core)
    let high = Double(try view(&core, "interactive").wait.meanUs) / 10_000
    let low = Double(try view(&core, "batch").wait.meanUs) / 10_000
    #expect(abs(high / interactive - 1) < 0.1, "\(high) requests ahead, expected \(interactive)")
    // 20 arrivals in a moment are a rate as well, so that one of the lower class may be told more.
    #expect(low > batch * 0.95 && low < batch * 1.6, "\(low) requests ahead, expected about \(batch)")
  }

  /// Half of the time goes to a better class that keeps coming: who stands behind it waits twice as long.
  @Test func whoIsOvertakenWaitsLonger() throws {
    var engine = engine()
    var core = core(engine, .test(ordering: .priority, timeModel: .plain))
    arrive(&engine, 40, requestClass: 2)
    for step in 0..<8_000 {
      if step % 20 == 0 { arrive(&engine, 1, requestClass: 1) }
      let missing = 40 - engine.live.values.count { !$0.running }
      if missing > 0 { arrive(&engine, missing, requestClass: 2) }
      engine.run(try engine.plan(&core))
    }
    _ = try engine.plan(&core)
    let low = Double(try view(&core, "batch").wait.meanUs) / 10_000
    #expect(low > 70 && low < 95, "\(low) requests' time, expected about 80")
  }

  // MARK: - Groups

  /// Objectives of their own make groups of their own; what comes beyond the limit shares one. Where nobody waits any
  /// more there is room again.
  @Test func thereAreNoMoreGroupsThanTheLimit() throws {
    var engine = engine()
    var core = core(engine, .test(timeModel: .plain))
    for index in 0..<90 {
      let octave = 4 << (index % 28)
      arrive(&engine, 1, ttftSLOMs: octave + index / 28 * octave / 4)
    }
    engine.run(try engine.plan(&core))
    #expect(core.mirrorViolations() == [])
    let views = core.groupViews()
    #expect(views.count == RequestGroups.groupsMax + 1 && views.contains { $0.className.isEmpty && $0.waiting > 50 })
    #expect(views.reduce(0) { $0 + $1.waiting } == 90)
    #expect(Set(views.map { "\($0.className) \($0.ttftSLOMs)" }).count == views.count)
    for _ in 0..<3_000 where !engine.live.isEmpty { engine.run(try engine.plan(&core)) }
    arrive(&engine, 2, ttftSLOMs: 777_777)
    _ = try engine.plan(&core)
    let later = core.groupViews()
    #expect(later.contains { $0.ttftSLOMs > 600_000 && $0.className == "interactive" })
  }

  /// Objectives within a quarter of each other are alike, and the class's own is kept as it is.
  @Test func objectivesAreAlikeWithinAQuarter() {
    func key(_ ttftSLOMs: Int) -> RequestGroup.Key {
      let request = Request(
        handle: 1, tenant: 0, className: 0, adapter: -1, promptTokens: 1, maxOutputTokens: 1, arrivalUs: 0,
        cachedTokens: 0, ttftSLOMs: ttftSLOMs, tpotSLOMs: 0)
      return RequestGroup.Key(
        request: request, classIndex: 0,
        PolicyConfig.RequestClass(name: "a", rank: 0, ttftSLOMs: 500, tpotSLOMs: 25, weight: 1))
    }
    #expect(key(0) == key(500) && key(500).ttftSLOMs == 500)
    #expect(key(1_000).ttftSLOMs == 896 && key(1_023) == key(1_000))
    #expect(key(1_024) != key(1_023) && key(1_024).ttftSLOMs == 1_024 && key(1_279) == key(1_024))
    for ttft in 1...4_000 where ttft != 500 {
      #expect(key(ttft).ttftSLOMs <= ttft && Double(ttft) < Double(key(ttft).ttftSLOMs) * 1.25 + 1)
    }
  }

  /// A change of policy counts everybody anew, and nobody as an arrival.
  @Test func aChangeOfPolicyKeepsWhoWaits() throws {
    var engine = engine()
    var core = core(engine, .test(ordering: .priority, timeModel: .plain))
    arrive(&engine, 10, requestClass: 2)
    arrive(&engine, 10, requestClass: 1)
    engine.run(try engine.plan(&core))
    func rates() -> [Double] { core.groups.groups.map { $0.arrivalRate(nowUs: core.nowUs, core.workCosts) } }
    let before = rates()
    #expect(before.contains { $0 > 0 })
    core.setPolicy(.test(ordering: .edf, timeModel: .plain, starvationBoundMs: 1_000))
    #expect(core.mirrorViolations() == [])
    let waiting = core.groupViews().reduce(0) { $0 + $1.waiting }
    #expect(waiting == 20)
    #expect(rates() == before)
    try run(&engine, &core, steps: 300, keeping: 0)
    #expect(engine.live.isEmpty)
  }

  // MARK: - What it is for

  /// 200 wait for 10 ms each, one may: those that are turned away are told to come back in about 2 s.
  @Test func whoIsTurnedAwayIsToldWhenToComeBack() throws {
    var engine = engine()
    var policy = PolicyConfig.test(timeModel: .plain)
    var core = core(engine, policy)
    try run(&engine, &core, steps: 3_000, keeping: 200)
    policy.admission.queueDepth = 190
    core.setPolicy(policy)
    let plan = try engine.plan(&core)
    #expect(!plan.abort.isEmpty)
    for item in plan.abort { #expect(abs(item.retryAfterMs - 2_000) < 200, "\(item.retryAfterMs) ms") }
  }

  /// Who can not be in time any more stands behind the others and is told how far.
  @Test func whoIsSetAsideIsToldItsWait() throws {
    var engine = engine()
    var policy = PolicyConfig.test(timeModel: .plain)
    policy.admission.infeasible = .defer
    var core = core(engine, policy)
    arrive(&engine, 5)
    engine.run(try engine.plan(&core))
    let late = engine.arrive(prompt: 60, maxOutput: 5, ttftSLOMs: 10)
    let plan = try engine.plan(&core)
    let reason = try #require(plan.reasons.first { $0.h == late })
    #expect(reason.reason.code == "deferred" && reason.reason.number >= 0)
    let views = core.groupViews()
    #expect(try #require(views.first { $0.ttftSLOMs == 10 }).inSLOPpm == 0)
    #expect(try #require(views.first { $0.ttftSLOMs == 500 }).inSLOPpm > 0)
    #expect(core.mirrorViolations() == [])
  }

  /// 30 wait for 10 ms each, the oldest for 300 ms: of those with 500 ms all are expected in time, of those with 150 ms
  /// none, since the oldest is late already and the newest will be.
  @Test(arguments: [(500, 1_000_000), (150, 0)])
  func theShareInTimeIsForeseen(ttftSLOMs: Int, ppm: Int) throws {
    var engine = engine()
    var policy = PolicyConfig.test(timeModel: .plain)
    policy.classes[0].ttftSLOMs = ttftSLOMs
    var core = core(engine, policy)
    try run(&engine, &core, steps: 3_000, keeping: 30)
    _ = try engine.plan(&core)
    let view = try view(&core, "interactive")
    #expect((28...30).contains(view.waiting))
    #expect(view.oldestUs > 200_000 && view.oldestUs < 320_000)
    #expect(view.inSLOPpm == ppm, "\(view)")
  }
}
