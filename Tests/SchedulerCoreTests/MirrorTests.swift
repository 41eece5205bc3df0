import SchedulerCore
import Testing

/// The session rules as the mirror must hold them; every rejection names its field (Docs/wire.md, rules 5 to 13).
struct MirrorTests {
  private func core(
    inFlightMax: Int = 1, capabilities: Capabilities = [.order, .hold, .chunk, .pause, .requeue], drafts: Int = 0
  ) -> SchedulerCore {
    let drafter = drafts > 0 ? EngineDescription.Drafter(kMax: 3, per: .request) : nil
    return SchedulerCore(
      engine: FaithfulEngine.description(
        stepTokens: 256, inFlightMax: inFlightMax, drafter: drafter, capabilities: capabilities),
      policy: .test(drafts: drafts))
  }

  private func step(_ seq: UInt64, _ fill: (inout StepDelta) -> Void = { _ in }) -> StepDelta {
    var delta = StepDelta()
    delta.epoch = 1
    delta.seq = seq
    delta.nowUs = Int64(seq) * 1_000
    delta.kvFreeBlocks = [1_000]
    if seq == 1 { delta.names = ["a", "b", "interactive", "batch"] }
    fill(&delta)
    return delta
  }

  private func arrive(
    _ delta: inout StepDelta, _ h: RequestHandle, prompt: Int = 8, maxOutput: Int = 8, tenant: Int = 0
  ) {
    delta.arrived.h.append(h)
    delta.arrived.id.append("r\(h)")
    delta.arrived.tenant.append(tenant)
    delta.arrived.requestClass.append(2)
    delta.arrived.prompt.append(prompt)
    delta.arrived.maxOutput.append(maxOutput)
    delta.arrived.ageUs.append(0)
  }

  private func settle(_ delta: inout StepDelta, _ seq: UInt64, accepted: [UInt8] = []) {
    delta.settled.seq.append(seq)
    delta.settled.elapsedUs.append(100)
    delta.settled.accepted.append(contentsOf: accepted)
    delta.settled.acceptedEnd.append(delta.settled.accepted.count)
  }

  @discardableResult
  private func plan(_ core: inout SchedulerCore) -> StepPlan {
    var plan = StepPlan()
    core.plan(resources: .unknown, into: &plan)
    #expect(core.planViolations(plan) == [])
    #expect(core.mirrorViolations() == [])
    return plan
  }

  private func charges(_ core: inout SchedulerCore) -> [String: Int] {
    var found: [String: Int] = [:]
    core.takeCharges { found[$0] = $1 }
    return found
  }

  private func expectRejection(_ field: String, _ core: SchedulerCore, _ delta: StepDelta) {
    var core = core
    #expect { try core.apply(delta) } throws: { ($0 as? StepRejection)?.field == field }
  }

  @Test func launchedAsPlannedNeedsNoWords() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1, prompt: 8) })
    #expect(plan(&core).run == [StepPlan.Item(h: 1, n: 8, k: 0)])
    try core.apply(step(2) { settle(&$0, 1) })
    // 8 of 8 prompt tokens ran, so the first output token is promised.
    #expect(core.counts == StepDelta.Check(running: 1, waiting: 0, blocked: 0, computed: 8, output: 1))
    #expect(charges(&core) == ["a": 8])
  }

  @Test func exceptionsAreChargedAndTheirStateIsAbsolute() throws {
    var core = core()
    try core.apply(
      step(1) {
        arrive(&$0, 1, prompt: 64)
        arrive(&$0, 2, prompt: 8, tenant: 1)
      })
    plan(&core)
    try core.apply(
      step(2) {
        $0.launched.seq = 1
        $0.launched.h = [1]
        $0.launched.n = [32]
        $0.launched.why = [.cached]
        // A prefix hit of 32 moved the base: the mirror could not have known.
        $0.state.h = [1]
        $0.state.computed = [64]
        $0.state.output = [1]
        $0.state.running = [true]
        settle(&$0, 1)
        $0.check = StepDelta.Check(running: 2, waiting: 0, blocked: 0, computed: 72, output: 2)
      })
    #expect(charges(&core) == ["a": 32, "b": 8])
    #expect(core.telemetry.exceptions[StepDelta.ExceptionCause.cached.index] == 1)
  }

  @Test func removedRequestsArePaidForBeforeTheyGo() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    try core.apply(
      step(2) {
        settle(&$0, 1)
        $0.removed = [1]
        $0.removedWhy = [.abort]
      })
    #expect(charges(&core) == ["a": 8])
    #expect(core.counts.waiting + core.counts.running == 0)
  }

  @Test func rejectedDraftsComeOffWhenSettled() throws {
    var core = core(capabilities: [.chunk, .draftRequest, .pause], drafts: 3)
    try core.apply(step(1) { arrive(&$0, 1, prompt: 4, maxOutput: 20) })
    plan(&core)
    try core.apply(step(2) { settle(&$0, 1) })
    #expect(plan(&core).run == [StepPlan.Item(h: 1, n: 4, k: 3)])
    // Only 2 drafts were found; one of them was accepted.
    try core.apply(
      step(3) {
        $0.launched.seq = 2
        $0.launched.drafted = [2]
        $0.launched.hasDrafted = true
        settle(&$0, 2, accepted: [1])
        $0.check = StepDelta.Check(running: 1, waiting: 0, blocked: 0, computed: 4 + 3 - 1, output: 1 + 3 - 1)
      })
    #expect(charges(&core) == ["a": 4 + 3])
  }

  @Test func fallbackWorkIsChargedAndItsStateIsAbsolute() throws {
    var core = core(inFlightMax: 2)
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    core.dropPlan()
    try core.apply(
      step(2) {
        $0.launched.seq = 1
        $0.launched.mode = .fallback
        $0.launched.iterations = 2
        $0.launched.h = [1]
        $0.launched.n = [9]
        $0.state.h = [1]
        $0.state.computed = [9]
        $0.state.output = [2]
        $0.state.running = [true]
      })
    #expect(charges(&core) == ["a": 9])
    #expect(core.counts.computed == 9)
    #expect(core.telemetry.fallbackIterations == 2)
    // The last fallback iteration was in flight: it settles under the same seq, once.
    plan(&core)
    try core.apply(
      step(3) {
        settle(&$0, 1)
        $0.launched.seq = 2
        $0.launched.mode = .none
      })
  }

  @Test func untrackedWorkIsCharged() throws {
    var core = core()
    try core.apply(
      step(1) {
        $0.untrackedTenant = [1]
        $0.untrackedTokens = [830]
      })
    #expect(charges(&core) == ["b": 830])
  }

  @Test func aStepThatIsNotAppliedChargesNothing() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    #expect(throws: StepRejection.self) {
      try core.apply(
        step(2) {
          settle(&$0, 1)
          $0.check = StepDelta.Check(running: 9, waiting: 0, blocked: 0, computed: 8, output: 1)
        })
    }
    #expect(charges(&core) == [:])
  }

  @Test func aHandleReturnsOnlyAfterItsPlansSettled() throws {
    var core = core(inFlightMax: 3)
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    try core.apply(
      step(2) {
        $0.removed = [1]
        $0.removedWhy = [.abort]
      })
    plan(&core)
    // Plan 1 is reported settled in this very Step, not in an earlier one.
    expectRejection(
      "/arrived/h/0", core,
      step(3) {
        settle(&$0, 1)
        arrive(&$0, 1)
      })
    try core.apply(step(3) { settle(&$0, 1) })
    plan(&core)
    try core.apply(step(4) { arrive(&$0, 1) })
    #expect(core.counts.waiting == 1)
  }

  @Test func requestsInFlightAreLeftOutBeforeTheyArePreempted() throws {
    // 4 blocks, two requests of 2 full blocks each: both need a third block for their next token.
    var core = core(inFlightMax: 2)
    func tight(_ seq: UInt64, free: Int, _ fill: (inout StepDelta) -> Void) -> StepDelta {
      step(seq) {
        $0.kvFreeBlocks = [free]
        fill(&$0)
      }
    }
    try core.apply(
      tight(1, free: 4) {
        arrive(&$0, 1, prompt: 32, maxOutput: 40)
        arrive(&$0, 2, prompt: 32, maxOutput: 40)
      })
    #expect(plan(&core).run.map(\.h) == [1, 2])
    // Plan 1 is unsettled and names both: nobody may be preempted, so one is left out.
    try core.apply(tight(2, free: 0) { _ in })
    let second = plan(&core)
    #expect(second.requeue == [])
    #expect(second.run.isEmpty)
    // Plan 1 settled, plan 2 was empty: now the last admitted goes.
    try core.apply(tight(3, free: 0) { settle(&$0, 1) })
    let third = plan(&core)
    #expect(third.requeue == [2])
    #expect(third.run.map(\.h) == [1])
  }

  @Test func aPlanOfWhichNothingRanIsNotRepeated() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1) })
    let first = plan(&core)
    func refused(_ seq: UInt64) -> StepDelta {
      step(seq) {
        $0.launched.seq = seq - 1
        $0.launched.h = [1]
        $0.launched.n = [0]
        $0.launched.why = [.kv]
        $0.state.h = [1]
        $0.state.computed = [0]
        $0.state.output = [0]
        $0.state.running = [false]
        settle(&$0, seq - 1)
      }
    }
    try core.apply(refused(2))
    let second = plan(&core)
    #expect(second.run.isEmpty)
    #expect(second.holdUs == 5_000)
    try core.apply(step(3))
    #expect(plan(&core).run == first.run)
  }

  @Test func aRefusedRequeueIsNotRepeated() throws {
    var core = core()
    try core.apply(
      step(1) {
        arrive(&$0, 1)
        arrive(&$0, 2)
      })
    plan(&core)
    try core.apply(step(2) { settle(&$0, 1) })
    plan(&core)
    // Nothing ran, and the engine keeps whom it was asked to requeue.
    func refused(_ seq: UInt64, _ plan: StepPlan) -> StepDelta {
      step(seq) {
        $0.launched.seq = seq - 1
        $0.launched.h = plan.run.map(\.h)
        $0.launched.n = plan.run.map { _ in 0 }
        $0.launched.why = plan.run.map { _ in .kv }
        $0.state.h = [1, 2]
        $0.state.computed = [8, 8]
        $0.state.output = [1, 1]
        $0.state.running = [true, true]
        settle(&$0, seq - 1)
      }
    }
    var last = StepPlan()
    last.run = [StepPlan.Item(h: 1, n: 1, k: 0), StepPlan.Item(h: 2, n: 1, k: 0)]
    for seq in UInt64(3)...12 {
      try core.apply(refused(seq, last))
      let next = plan(&core)
      #expect(next.run != last.run || next.requeue != last.requeue || next.holdUs != nil)
      last = next
      if next.run.isEmpty { break }
    }
    #expect(last.holdUs == 5_000)
  }

  @Test func clocksThatStepBackCountAsNoTime() throws {
    var core = core()
    try core.apply(step(1) { $0.nowUs = 5_000_000 })
    try core.apply(step(2) { $0.nowUs = 1_000 })
    #expect(core.nowUs == 5_000_000)
    #expect(core.telemetry.clockStepsBack == 1)
    // Time goes on from the new reading; a jump forward is believed.
    try core.apply(step(3) { $0.nowUs = 1_500 })
    #expect(core.nowUs == 5_000_500)
    try core.apply(step(4) { $0.nowUs = 9_000_001_500 })
    #expect(core.nowUs == 9_005_000_500)
  }

  @Test func agesOfAnySizeAreToldBack() throws {
    var core = core()
    try core.apply(
      step(1) {
        arrive(&$0, 1)
        arrive(&$0, 2)
        $0.arrived.ageUs = [.min, .max]
      })
    #expect(Set(core.requests(limit: 2).map(\.ageUs)) == [.min, .max])
  }

  @Test func nobodyIsNamedTwice() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1) })
    let twice = step(2) {
      $0.launched.mode = .fallback
      $0.launched.seq = 1
      $0.launched.h = [1, 1]
      $0.launched.n = [4, 4]
    }
    expectRejection("/launched/h/1", core, twice)
    plan(&core)
    let state = step(2) {
      settle(&$0, 1)
      $0.state.h = [1, 1]
      $0.state.computed = [8, 8]
      $0.state.output = [1, 1]
      $0.state.running = [true, true]
    }
    expectRejection("/state/h/1", core, state)
    let bothWays = step(2) {
      settle(&$0, 1)
      $0.blocked = [1]
      $0.blockedWhy = [.grammar]
      $0.ready = [1]
    }
    expectRejection("/ready/0", core, bothWays)
  }

  @Test func workThatNoPlanAskedForIsInFlightToo() throws {
    var core = SchedulerCore(
      engine: FaithfulEngine.description(stepTokens: 256, inFlightMax: 2, inFlightRepeat: .none), policy: .test())
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    try core.apply(
      step(2) {
        settle(&$0, 1)
        arrive(&$0, 2)
        $0.blocked = [2]
        $0.blockedWhy = [.grammar]
      })
    #expect(plan(&core).run.map(\.h) == [1])
    // The engine admitted 2 by itself, in the launch of plan 2.
    let admitted = step(3) {
      $0.launched.seq = 2
      $0.launched.h = [2]
      $0.launched.n = [8]
      $0.launched.why = [.admitted]
      $0.state.h = [2]
      $0.state.computed = [8]
      $0.state.output = [1]
      $0.state.running = [true]
      $0.ready = [2]
    }
    try core.apply(admitted)
    #expect(plan(&core).run.isEmpty)
    try core.apply(step(4) { settle(&$0, 2) })
    #expect(Set(plan(&core).run.map(\.h)) == [1, 2])
  }

  @Test func contradictionsNameTheirField() throws {
    var core = core()
    try core.apply(step(1) { arrive(&$0, 1) })
    plan(&core)
    expectRejection("/arrived/h/0", core, step(2) { arrive(&$0, 1) })
    expectRejection("/arrived/tenant/0", core, step(2) { arrive(&$0, 2, tenant: 9) })
    expectRejection(
      "/state/h/0", core,
      step(2) {
        settle(&$0, 1)
        $0.state.h = [5]
        $0.state.computed = [0]
        $0.state.output = [0]
        $0.state.running = [false]
      })
    expectRejection("/kv_free_blocks", core, step(2) { $0.kvFreeBlocks = [1, 2] })
    expectRejection(
      "/removed/h/0", core,
      step(2) {
        settle(&$0, 1)
        $0.removed = [7]
        $0.removedWhy = [.stop]
      })
    expectRejection(
      "/blocked/h/0", core,
      step(2) {
        settle(&$0, 1)
        $0.blocked = [7]
        $0.blockedWhy = [.grammar]
      })
    expectRejection(
      "/ready/0", core,
      step(2) {
        settle(&$0, 1)
        $0.ready = [7]
      })
    expectRejection(
      "/launched/x/h/0", core,
      step(2) {
        $0.launched.seq = 1
        $0.launched.h = [7]
        $0.launched.n = [1]
        $0.launched.why = [.kv]
      })
    expectRejection("/launched/seq", core, step(2) { $0.launched.seq = 9 })
    expectRejection("/settled/0/seq", core, step(2) { settle(&$0, 5) })
    // A synchronous engine has settled everything before it asks again.
    expectRejection("/settled", core, step(2))
    expectRejection(
      "/check/3", core,
      step(2) {
        settle(&$0, 1)
        $0.check = StepDelta.Check(running: 1, waiting: 0, blocked: 0, computed: 7, output: 1)
      })
    expectRejection(
      "/spot/2", core,
      step(2) {
        settle(&$0, 1)
        $0.spot = StepDelta.Spot(h: 1, computed: 8, output: 5, running: true, blocked: false)
      })
  }

  @Test func moreArrivalsThanMirroredAreRefused() throws {
    var core = SchedulerCore(
      engine: FaithfulEngine.description(), policy: .test(), limits: MirrorLimits(running: 1, waiting: 2))
    expectRejection("/arrived/h", core, step(1) { for h in RequestHandle(1)...4 { arrive(&$0, h) } })
    try core.apply(step(1) { for h in RequestHandle(1)...3 { arrive(&$0, h) } })
    #expect(core.counts.waiting == 3)
  }

  @Test func viewsListWhoRunsThenWhoWaitsInOrder() throws {
    var core = core()
    try core.apply(
      step(1) {
        for h in RequestHandle(1)...3 { arrive(&$0, h, prompt: 200) }
        $0.blocked = [2]
        $0.blockedWhy = [.grammar]
      })
    plan(&core)
    try core.apply(step(2) { settle(&$0, 1) })
    #expect(core.requests(limit: 9).map(\.h) == [1, 3, 2])
    #expect(core.requests(limit: 2).map(\.id) == ["r1", "r3"])
  }
}
