import Testing

@testable import SchedulerCore

/// Who is chosen, worked out by hand: an adapter that is there counts as due 500 ms earlier.
struct AdapterResidencyTests {
  private var stage = AdapterResidency(engine: FaithfulEngine.description(adapters: 2))
  private var resident = ResidentAdapters(capacity: 2)

  private mutating func hold(_ adapters: [Int32]) {
    resident.open()
    for adapter in adapters { resident.use(adapter) }
    _ = resident.close()
  }

  private mutating func choose(
    _ dues: [(adapter: Int32, dueUs: Int64)], nowUs: Int64 = 0, servesAll: Bool = false
  ) -> [Int32] {
    stage.open(nowUs: nowUs, servesAll: servesAll)
    for due in dues { stage.note(due.adapter, dueUs: due.dueUs, share: 0.5) }
    stage.choose(resident)
    return stage.chosen.sorted()
  }

  @Test mutating func whoIsThereStaysUnlessAnotherIsDueMuchEarlier() {
    hold([1, 2])
    #expect(choose([(1, 700_000), (2, 100_000), (3, 300_000)]) == [1, 2])
    #expect(stage.isShort && stage.loads == 0)
    #expect(choose([(1, 900_000), (2, 100_000), (3, 300_000)]) == [2, 3])
    #expect(stage.loads == 1)
  }

  /// The adapter's first request counts, in whatever order they are named; ties go to the lower number.
  @Test mutating func theFirstRequestOfAnAdapterCounts() {
    hold([1, 2])
    #expect(choose([(3, 5_000_000), (1, 400_000), (2, 400_000), (3, -200_000)]) == [1, 3])
  }

  /// One load per iteration; with nothing there one is loaded whatever loads took so far.
  @Test mutating func loadsAreFew() {
    #expect(choose([(1, 0), (2, 0)]) == [1])
    hold([1])
    for _ in 0..<20 { _ = choose([(1, 0), (2, 0)]) }
    #expect(choose([(1, 0), (2, 0)]) == [1])
    #expect(choose([(2, 0), (3, 0)]) == [2])
    // Two loads of 5 ms more than the eight that were saved up are a twentieth of 200 ms.
    #expect(choose([(1, 0), (2, 0)], nowUs: 199_000) == [1])
    #expect(choose([(1, 0), (2, 0)], nowUs: 201_000) == [1, 2])
  }

  @Test mutating func anEngineThatCannotPauseIsServedAll() {
    #expect(choose([(1, 0), (2, 0)], servesAll: true) == [1, 2])
    #expect(stage.loads == 2)
  }

  /// Two places of which requests under way may need 1.4: half of one each leave room for 0.4 of a third, and none for
  /// half of it; who joins an adapter that is needed anyway takes no more.
  @Test mutating func placesLastForAllThatHaveBegun() {
    hold([1, 2])
    _ = choose([(1, 0), (2, 0)])
    #expect(stage.hasRoom(3, share: 0.4) && !stage.hasRoom(3, share: 0.5))
    #expect(stage.hasRoom(1, share: 0.5) && stage.hasRoom(1, share: 0.9) && !stage.hasRoom(1, share: 1))
    stage.begin(1, share: 0.9, isChosen: true, resident)
    #expect(!stage.hasRoom(3, share: 0.1))
  }

  /// With one place, a request that needs it all the time has room where nobody else needs it.
  @Test func oneRequestAlwaysHasRoom() {
    var stage = AdapterResidency(engine: FaithfulEngine.description(adapters: 1))
    stage.open(nowUs: 0, servesAll: false)
    stage.choose(ResidentAdapters(capacity: 1))
    #expect(stage.hasRoom(5, share: 1) && stage.mayJoin(5, ResidentAdapters(capacity: 1)))
    stage.note(4, dueUs: 0, share: 0.1)
    #expect(!stage.hasRoom(5, share: 1))
  }

  @Test mutating func loadTimeIsMeasured() {
    for _ in 0..<200 { stage.observe(extraUs: 6_000, loads: 2) }
    #expect(abs(stage.loadUs - 3_000) < 1)
  }

  /// Requests for twelve adapters at an engine with room for one, two or three: no plan names more than there is room
  /// for, everybody ends, and two copies plan the same.
  @Test(arguments: [1, 2, 3], [1, 2, 3] as [UInt64])
  func everybodyEndsAndPlacesAreKept(places: Int, seed: UInt64) throws {
    var random = SplitMix64(seed)
    var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256, sequences: 16, adapters: places))
    engine.iterationUs = 10_000
    let policy = PolicyConfig.test(ordering: .goodput, strategy: .goodput, timeModel: .plain)
    var core = SchedulerCore(engine: engine.description, policy: policy)
    var copy = core
    var plan = StepPlan()
    var again = StepPlan()
    var steps = 0
    while steps < 150 || (!engine.live.isEmpty && steps < 40_000) {
      if steps < 150, random.below(3) == 0 {
        let adapter = random.below(FaithfulEngine.adapters.count + 1)
        engine.arrive(
          prompt: 1 + random.below(40), maxOutput: 1 + random.below(20), requestClass: 1 + random.below(2),
          adapter: adapter < FaithfulEngine.adapters.count ? adapter : nil)
      }
      let delta = engine.step()
      try core.apply(delta)
      try copy.apply(delta)
      core.plan(resources: .unknown, into: &plan)
      copy.plan(resources: .unknown, into: &again)
      #expect(plan == again)
      #expect(core.planViolations(plan) == [], "seed \(seed), step \(steps)")
      engine.run(plan)
      steps += 1
    }
    #expect(engine.live.isEmpty, "seed \(seed): \(engine.live.count) left after \(steps) steps")
  }
}
