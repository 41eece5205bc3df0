import SchedulerCore
import Testing

/// Who runs in which iteration under the ranked strategy, worked out by hand. A prompt token and a decoded token take
/// 1 ms each by the model; predictions start 5 % above it.
struct RankedTests {
  private var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 1_024, sequences: 8))
  private var core: SchedulerCore
  private var plan = StepPlan()

  init() { core = SchedulerCore(engine: engine.description, policy: .test()) }

  private mutating func start(
    _ ordering: PolicyConfig.Ordering, blocks: Int = 1_000, sequences: Int? = nil, iterationUs: Int64 = 1_000,
    anchor: PolicyConfig.DeadlineAnchor = .firstToken, stepTokens: Int = 1_024
  ) {
    engine = FaithfulEngine(FaithfulEngine.description(blocks: blocks, stepTokens: stepTokens, sequences: 8))
    engine.iterationUs = iterationUs
    let policy = PolicyConfig.test(
      ordering: ordering, strategy: .ranked, sequences: sequences, timeModel: .plain, deadlineAnchor: anchor)
    core = SchedulerCore(engine: engine.description, policy: policy)
  }

  /// One iteration. Returns name and tokens of what runs, by name.
  private mutating func advance() throws -> [String: Int] {
    try core.apply(engine.step())
    #expect(core.mirrorViolations() == [])
    core.plan(resources: .unknown, into: &plan)
    #expect(core.planViolations(plan) == [])
    let ran = Dictionary(uniqueKeysWithValues: plan.run.map { (engine.live[$0.h]!.id, $0.n) })
    engine.run(plan)
    #expect(engine.freeBlocks >= 0)
    return ran
  }

  /// Names of who runs, one per iteration.
  private mutating func names(_ iterations: Int) throws -> String {
    var names = ""
    for _ in 0..<iterations { names += try advance().keys.sorted().joined() }
    return names
  }

  // MARK: - FastServe

  /// One request per iteration of 6 ms. a's prefill of 8 ms joins level 0 (10 ms), b's of 15 ms level 1 (20 ms). After
  /// two iterations a has had 12 ms: it drops to the front of level 1, before b. c comes with 4 ms, level 0: it runs
  /// while a is paused, both of its tokens. Then a's remaining three tokens, and b.
  @Test mutating func fastServeJoinsDropsAndPauses() throws {
    start(.mlfq, sequences: 1, iterationUs: 6_000)
    let a = engine.arrive(prompt: 8, maxOutput: 5, name: "a")
    engine.arrive(prompt: 15, maxOutput: 2, name: "b")
    #expect(try names(2) == "aa")
    engine.arrive(prompt: 4, maxOutput: 2, name: "c")
    #expect(try names(1) == "c")
    #expect(plan.pause == [a] || plan.run.count == 1)
    #expect(engine.live[a]!.computed == 9, "a keeps its blocks")
    #expect(try names(6) == "caaabb")
  }

  /// Prompts run whole: of 16 tokens, 9 for a leave 7; b's 9 wait, c's 4 may not pass it. Then all three fit.
  @Test mutating func fastServeRunsPromptsWhole() throws {
    start(.mlfq, stepTokens: 16)
    engine.arrive(prompt: 9, maxOutput: 9, name: "a")
    engine.arrive(prompt: 9, maxOutput: 9, name: "b")
    engine.arrive(prompt: 4, maxOutput: 9, name: "c")
    #expect(try advance() == ["a": 9])
    #expect(try advance() == ["a": 1, "b": 9, "c": 4])
  }

  /// Short requests keep coming, one for each iteration of 2 ms. `long` joined level 4: after 3 s unserved it rises to
  /// the very front.
  @Test mutating func fastServePromotesTheStarving() throws {
    start(.mlfq, sequences: 1, iterationUs: 2_000)
    engine.arrive(prompt: 100, maxOutput: 1, name: "long")
    var waited = 0
    while waited < 2_000 {
      engine.arrive(prompt: 2, maxOutput: 1, name: "short\(waited)")
      if try advance().keys.contains("long") { break }
      waited += 1
    }
    #expect(waited == 1_500)
  }

  // MARK: - QoServe

  /// TTFT 500 ms, 100 ms of prefill: 500 + 4 x 100. TTFT 600 ms, 10 ms of prefill: 600 + 4 x 10. The second goes first,
  /// though its deadline is later.
  @Test mutating func qoserveWeighsThePrefillAgainstTheDeadline() throws {
    start(.qoserve)
    engine.arrive(prompt: 100, maxOutput: 2, name: "long", ttftSLOMs: 500)
    engine.arrive(prompt: 10, maxOutput: 2, name: "short", ttftSLOMs: 600)
    // 98 ms per iteration: 10 of `short` and what is left of 93 for `long`.
    let first = try advance()
    #expect(first["short"] == 10)
    #expect(first["long"] == 83)
  }

  /// `late` needs 600 ms and has 500: it cannot make it, and gives way to one that has a minute.
  @Test mutating func qoserveRelegatesWhoCannotMakeIt() throws {
    start(.qoserve)
    engine.arrive(prompt: 600, maxOutput: 2, name: "late", ageUs: 900, ttftSLOMs: 500)
    engine.arrive(prompt: 200, maxOutput: 2, name: "patient", ttftSLOMs: 60_000)
    #expect(try advance() == ["patient": 93])
  }

  /// A decode of 25 ms TPOT had its first token now: its second is due in 25 ms. 2 % off, 24.5 ms hold its own 1 ms and
  /// 22 or 23 tokens of prefill, by how far the model was corrected. From the paper's anchor the second is due 525 ms
  /// after arrival, so that nothing but the longest iteration of 100 ms limits the chunk.
  @Test(arguments: [PolicyConfig.DeadlineAnchor.firstToken, .arrival])
  mutating func qoserveSizesChunksByTheSlack(anchor: PolicyConfig.DeadlineAnchor) throws {
    start(.qoserve, anchor: anchor)
    engine.arrive(prompt: 1, maxOutput: 50, name: "decode")
    _ = try advance()
    engine.arrive(prompt: 400, maxOutput: 2, name: "prefill", requestClass: 2)
    let ran = try advance()
    #expect(ran["decode"] == 1)
    let chunk = try #require(ran["prefill"])
    #expect((anchor == .firstToken ? 22...23 : 92...97).contains(chunk), "\(chunk)")
  }

  // MARK: - Clairvoyant

  /// All are due in 500 ms: 300 + 150 + 150 ms are too much, so the longest is given up, though it came first.
  @Test mutating func mooreHodgsonGivesUpTheLongest() throws {
    start(.mooreHodgson)
    engine.arrive(prompt: 300, maxOutput: 1, name: "a", ageUs: 900)
    engine.arrive(prompt: 150, maxOutput: 1, name: "b", ageUs: 800)
    engine.arrive(prompt: 150, maxOutput: 1, name: "c")
    #expect(try advance() == ["b": 93])
    #expect(try advance().keys.sorted() == ["b", "c"])
  }

  /// The time to come decides, prefill and output: 5 + 20, 10 + 4, 20 + 1. What is left counts, not what was: `mid` is
  /// paused for `new`, which has less to come than the 11 left of it.
  @Test mutating func srptServesTheShortestRemaining() throws {
    start(.srpt, sequences: 1)
    engine.arrive(prompt: 5, maxOutput: 20, name: "long")
    engine.arrive(prompt: 10, maxOutput: 4, name: "mid")
    engine.arrive(prompt: 20, maxOutput: 1, name: "wide")
    #expect(try names(1) == "mid")
    engine.arrive(prompt: 1, maxOutput: 1, name: "new")
    #expect(try advance() == ["new": 1])
    #expect(try names(3) == "midmidmid")
    #expect(try names(1) == "long" || engine.live.values.contains { $0.id == "long" })
  }

  /// 5 blocks of 16. `long` holds 3 and has 46 tokens to come; `short` needs 3 and has 41: `long` ranks lower and gives
  /// its blocks back, to be computed again afterwards.
  @Test mutating func blocksAreTakenFromTheLowestRank() throws {
    start(.srpt, blocks: 5)
    let long = engine.arrive(prompt: 33, maxOutput: 47, name: "long")
    #expect(try advance() == ["long": 33])
    engine.arrive(prompt: 40, maxOutput: 1, name: "short")
    #expect(try advance() == ["short": 40])
    #expect(plan.requeue == [long])
    #expect(try advance() == ["long": 34])
  }

  /// 5 blocks of 16. a holds 3 and has overrun its 10 ms: level 1. b comes at level 0 and needs 3: a goes to host memory
  /// and comes back with all it had, for its next token only, when b has ended.
  @Test mutating func fastServeSwapsAndResumes() throws {
    let description = FaithfulEngine.description(
      blocks: 5, stepTokens: 64, capabilities: [.order, .hold, .chunk, .pause, .requeue, .swapCPU])
    engine = FaithfulEngine(description)
    engine.iterationUs = 8_000
    let time = IterationTimeModel(
      form: .linear, decodeOnly: .init(a: 0, b: 0, c: 0, d: 0.1, e: 0),
      withPrefill: .init(a: 0, b: 0.1, c: 0, d: 0.1, e: 0), overheadUs: 0)
    core = SchedulerCore(
      engine: description, policy: .test(ordering: .mlfq, strategy: .ranked, timeModel: time))
    let a = engine.arrive(prompt: 33, maxOutput: 9, name: "a")
    _ = try advance()
    _ = try advance()
    engine.arrive(prompt: 40, maxOutput: 1, name: "b")
    #expect(try advance() == ["b": 40])
    #expect(plan.swapCPU == [a])
    #expect(plan.requeue == [])
    #expect(try advance() == ["a": 1])
  }

  /// The same without host memory: b waits, since a would have to be computed again.
  @Test mutating func fastServeWithoutSwapWaits() throws {
    start(.mlfq, blocks: 5, iterationUs: 8_000)
    engine.arrive(prompt: 33, maxOutput: 9, name: "a")
    _ = try advance()
    _ = try advance()
    engine.arrive(prompt: 40, maxOutput: 1, name: "b")
    #expect(try advance() == ["a": 1])
  }

  /// An engine that cannot pause is never asked to: whoever runs goes on.
  @Test mutating func withoutPauseRunningRequestsGoOn() throws {
    let description = FaithfulEngine.description(stepTokens: 64, capabilities: [.order, .hold, .chunk, .requeue])
    engine = FaithfulEngine(description)
    core = SchedulerCore(
      engine: description, policy: .test(ordering: .srpt, strategy: .ranked, sequences: 1, timeModel: .plain))
    engine.arrive(prompt: 5, maxOutput: 20, name: "long")
    _ = try advance()
    engine.arrive(prompt: 1, maxOutput: 1, name: "short")
    #expect(try names(2) == "longlong")
    #expect(plan.pause == [])
  }
}
