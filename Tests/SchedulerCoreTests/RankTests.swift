import Testing

@testable import SchedulerCore

/// The parts of the ranked strategy by themselves.
struct RankTests {
  // MARK: - Moore-Hodgson

  private func jobs(_ list: [(work: Double, due: Double)]) -> [MooreHodgson.Job] {
    list.enumerated().map { MooreHodgson.Job(slot: Int32($0), workUs: $1.work, dueUs: $1.due) }
  }

  /// By deadline: 4 by 5 fits; with 3 by 6 it is 7, the longest (4) goes; 3 + 5 = 8 by 9 and 10 by 10 fit.
  @Test func theLongestGoesWhenADeadlineCannotBeKept() {
    #expect(MooreHodgson.givenUp(jobs([(4, 5), (3, 6), (5, 9), (2, 10)]), speed: 1) == [0])
  }

  /// At half the speed: 4 by 5 does not fit at all; 3 by 6 just does; 8 by 9 does not, 5 goes; 5 by 10 just does.
  @Test func speedCounts() {
    #expect(MooreHodgson.givenUp(jobs([(4, 5), (3, 6), (5, 9), (2, 10)]), speed: 0.5) == [0, 2])
  }

  /// Fixed work of 6 by 6 is done whatever happens: 4 by 5 gives way to it, and 3 by 7 as well.
  @Test func fixedWorkStays() {
    var list = jobs([(4, 5), (6, 6), (3, 7), (3, 12)])
    list[1].isFixed = true
    #expect(MooreHodgson.givenUp(list, speed: 1) == [0, 2])
  }

  /// Against every subset of random jobs: never one more than necessary, and what is kept is in time.
  @Test func noneIsGivenUpInVain() {
    for seed in UInt64(1)...200 {
      var random = SplitMix64(seed)
      let list = jobs((0..<8).map { _ in (Double(1 + random.below(9)), Double(1 + random.below(30))) })
      let order = list.sorted { ($0.dueUs, $0.slot) < ($1.dueUs, $1.slot) }
      func isFeasible(_ kept: (MooreHodgson.Job) -> Bool) -> Bool {
        var sum = 0.0
        return order.filter(kept).allSatisfy {
          sum += $0.workUs
          return sum <= $0.dueUs
        }
      }
      let least = (0..<256).filter { set in isFeasible { set >> Int($0.slot) & 1 == 0 } }.map(\.nonzeroBitCount).min()
      let givenUp = MooreHodgson.givenUp(list, speed: 1)
      #expect(givenUp.count == least, "seed \(seed)")
      #expect(isFeasible { !givenUp.contains($0.slot) }, "seed \(seed)")
    }
  }

  // MARK: - FastServe's levels

  private static let ids: ContiguousArray<String> = ["a", "b"]

  private func request(_ handle: RequestHandle = 1) -> Request {
    var request = Request(
      handle: handle, tenant: 0, className: 1, adapter: -1, promptTokens: 9, maxOutputTokens: 9, arrivalUs: 1_000,
      cachedTokens: 0, ttftSLOMs: 0, tpotSLOMs: 0)
    request.serial = RequestSerial(handle)
    return request
  }

  /// The first level whose quantum of 10, 20, 40, 80 ms covers the prefill; one that covers it exactly does.
  @Test(arguments: [(9_000, 0), (10_000, 0), (10_001, 1), (20_000, 1), (25_000, 2), (79_000, 3), (160_001, 5)])
  func skipJoin(prefillUs: Int64, level: Int) {
    var levels = FeedbackLevels()
    levels.update(slot: 0, request: request(), prefillUs: prefillUs, ids: Self.ids)
    #expect(levels.level(of: 0) == level)
  }

  /// 10 ms at level 0 are its quantum; beyond them it drops, and has 20 ms at level 1.
  @Test func overrunDropsOneLevel() {
    var levels = FeedbackLevels()
    var request = request()
    func level(after servedUs: Int64) -> Int {
      request.servedUs = servedUs
      levels.update(slot: 0, request: request, prefillUs: 1_000, ids: Self.ids)
      return levels.level(of: 0)
    }
    #expect([0, 6_000, 10_000, 12_000, 32_000, 32_001].map(level) == [0, 0, 0, 1, 1, 2])
  }

  /// Who drops goes to the front of the next level; who joins it goes to the back.
  @Test func droppedGoBeforeJoined() {
    var levels = FeedbackLevels()
    var first = request(1)
    let second = request(2)
    levels.update(slot: 0, request: first, prefillUs: 1_000, ids: Self.ids)
    levels.update(slot: 1, request: second, prefillUs: 15_000, ids: Self.ids)
    first.servedUs = 11_000
    levels.update(slot: 0, request: first, prefillUs: 0, ids: Self.ids)
    #expect(levels.level(of: 0) == levels.level(of: 1))
    #expect(levels.key(of: 0, first) < levels.key(of: 1, second))
  }

  /// A slot that is used again starts anew.
  @Test func slotsAreUsedAgain() {
    var levels = FeedbackLevels()
    var old = request(1)
    old.servedUs = 11_000
    levels.update(slot: 0, request: old, prefillUs: 70_000, ids: Self.ids)
    levels.update(slot: 0, request: request(2), prefillUs: 1_000, ids: Self.ids)
    #expect(levels.level(of: 0) == 0)
  }

  /// Nobody is unserved for longer than 3 s and one iteration for each of those who starve with it: in overload that
  /// never ends, with short requests coming all the time.
  @Test func fastServesStarvationBound() throws {
    for seed in UInt64(1)...3 {
      var random = SplitMix64(seed)
      var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 64, sequences: 64))
      engine.iterationUs = 50_000
      let policy = PolicyConfig.test(ordering: .mlfq, strategy: .ranked, sequences: 2, timeModel: .plain)
      var core = SchedulerCore(engine: engine.description, policy: policy)
      var servedUs: [RequestHandle: Int64] = [:]
      for step in 0..<400 {
        if step < 200 || engine.live.isEmpty {
          let long = random.below(6) == 0
          let h = engine.arrive(prompt: long ? 60 : 2, maxOutput: 1 + random.below(long ? 30 : 3))
          servedUs[h] = engine.now
        }
        try core.apply(engine.step())
        var plan = StepPlan()
        core.plan(resources: .unknown, into: &plan)
        for item in plan.run { servedUs[item.h] = engine.now }
        let bound = FeedbackLevels.starvationUs + Int64(engine.live.count + 1) * engine.iterationUs
        for h in engine.live.keys { #expect(engine.now - servedUs[h]! <= bound, "seed \(seed), step \(step), \(h)") }
        engine.run(plan)
      }
    }
  }
}
