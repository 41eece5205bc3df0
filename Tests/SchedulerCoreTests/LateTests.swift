import Testing

@testable import SchedulerCore

/// What the flagship does with requests whose first token cannot be in time any more, worked out by hand. A prompt
/// token takes 1.05 ms by prediction; while nobody decodes an iteration may take 100 ms less 2 %, which is 93 tokens.
struct LateTests {
  private var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 1_024, sequences: 8))
  private var core: SchedulerCore

  init() { core = SchedulerCore(engine: engine.description, policy: Self.policy(.soon)) }

  private static func policy(_ late: PolicyConfig.Late) -> PolicyConfig {
    var policy = PolicyConfig.test(ordering: .goodput, strategy: .goodput, timeModel: .plain)
    policy.late = late
    return policy
  }

  private mutating func start(_ late: PolicyConfig.Late) {
    core = SchedulerCore(engine: engine.description, policy: Self.policy(late))
  }

  /// One iteration. Returns name and tokens of what runs, by name.
  private mutating func advance() throws -> [String: Int] {
    let plan = try engine.plan(&core)
    let ran = Dictionary(uniqueKeysWithValues: plan.run.map { (engine.live[$0.h]!.id, $0.n) })
    engine.iterationUs = Int64(1_050 * max(1, ran.values.reduce(0, +)))
    engine.run(plan)
    return ran
  }

  /// 600 tokens take 630 ms and cannot be there in 500 ms. As if it had 5 s from now, the request goes before one that
  /// has a minute; else it waits for all of that.
  @Test mutating func whoIsLateGoesBeforeWhoHasTime() throws {
    for late in PolicyConfig.Late.allCases {
      engine = FaithfulEngine(engine.description)
      start(late)
      engine.arrive(prompt: 600, maxOutput: 4, name: "late")
      engine.arrive(prompt: 900, maxOutput: 4, name: "far", requestClass: 2)
      for _ in 0..<3 { #expect(try advance() == [late == .soon ? "late" : "far": 93]) }
    }
  }

  /// A request that can be in time goes before one that missed its deadline, which then gets the rest.
  @Test mutating func whoIsInTimeGoesFirst() throws {
    engine.arrive(prompt: 600, maxOutput: 4, name: "late")
    engine.arrive(prompt: 20, maxOutput: 4, name: "live")
    #expect(try advance() == ["live": 20, "late": 73])
  }

  /// 900 tokens due in 1 s are 945 ms of work. 200 more that were due 50 ms ago, now in 500 ms, do not fit beside them:
  /// nothing changes for the request that can be in time, and the late one gets what it leaves.
  @Test mutating func whereThereIsNoTimeBesideTheOthersItWaits() throws {
    engine.arrive(prompt: 900, maxOutput: 1, name: "other", ttftSLOMs: 1_000)
    engine.arrive(prompt: 200, maxOutput: 1, name: "late", ageUs: 100_000, ttftSLOMs: 50)
    for _ in 0..<9 { #expect(try advance() == ["other": 93]) }
    #expect(try advance()["other"] == 63)
    var iterations = 0
    while !engine.live.isEmpty, iterations < 20 {
      _ = try advance()
      iterations += 1
    }
    #expect(engine.live.isEmpty)
  }

  /// Who missed its second deadline as well gets a third: it is still served before who has a minute.
  @Test mutating func anotherDeadlineMayBeMissedToo() throws {
    engine.arrive(prompt: 600, maxOutput: 1, name: "late", ttftSLOMs: 100)
    engine.arrive(prompt: 900, maxOutput: 1, name: "far", requestClass: 2)
    #expect(try advance() == ["late": 93])
    engine.now += 10_000_000
    for _ in 0..<5 { #expect(try advance() == ["late": 93]) }
    #expect(try advance() == ["late": 42, "far": 51])
  }

  /// One of eleven may be late; with two of eleven there is too much to do for second chances.
  @Test func onlyWhileFewAreLate() {
    var planner = GoodputPlanner(engine: engine.description, policy: Self.policy(.soon))
    for slot in 0..<11 {
      var request = Request(
        handle: UInt32(slot + 1), tenant: 0, className: 0, adapter: -1, promptTokens: 10, maxOutputTokens: 10,
        arrivalUs: 0, cachedTokens: 0, ttftSLOMs: 0, tpotSLOMs: 0)
      request.serial = RequestSerial(slot + 1)
      let requestClass = Self.policy(.soon).classes[0]
      _ = planner.update(
        slot: slot, request: request, class: requestClass, nowUs: 0, ids: ContiguousArray(repeating: "a", count: 11))
    }
    planner.noteMiss()
    #expect(planner.servesLateSoon)
    planner.noteMiss()
    #expect(!planner.servesLateSoon)
  }
}
