import SchedulerCore
import Testing

/// Who runs in which iteration under the flagship, worked out by hand. A prompt token and a decoded token take 1 ms
/// each by the model, predictions start 5 % above it, and the engine measures just what is predicted.
struct GoodputTests {
  private var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 1_024, sequences: 8))
  private var core: SchedulerCore
  private var plan = StepPlan()

  init() {
    core = SchedulerCore(engine: engine.description, policy: .test())
    start()
  }

  private mutating func start(blocks: Int = 1_000, starvationBoundMs: Int? = nil) {
    engine = FaithfulEngine(FaithfulEngine.description(blocks: blocks, stepTokens: 1_024, sequences: 8))
    core = SchedulerCore(
      engine: engine.description,
      policy: .test(
        ordering: .goodput, strategy: .goodput, timeModel: .plain, starvationBoundMs: starvationBoundMs))
  }

  /// One iteration. Returns name and tokens of what runs, by name.
  private mutating func advance() throws -> [String: Int] {
    try core.apply(engine.step())
    #expect(core.mirrorViolations() == [])
    core.plan(resources: .unknown, into: &plan)
    #expect(core.planViolations(plan) == [])
    let ran = Dictionary(uniqueKeysWithValues: plan.run.map { (engine.live[$0.h]!.id, $0.n) })
    engine.iterationUs = Int64(1_050 * max(1, ran.values.reduce(0, +)))
    engine.run(plan)
    return ran
  }

  /// Nobody decodes: an iteration may take 100 ms less 2 %, which is 93 tokens of 1.05 ms.
  @Test mutating func anIterationAloneIsBoundedToo() throws {
    engine.arrive(prompt: 300, maxOutput: 4, name: "a")
    #expect(try advance() == ["a": 93])
  }

  /// a decodes with 25 ms per token: 24.5 ms are 23 tokens, one of them a's. b's prompt gets the other 22, whatever its
  /// own deadline.
  @Test mutating func aChunkFillsTheTimeUntilTheNextTokenIsDue() throws {
    engine.arrive(prompt: 10, maxOutput: 50, name: "a")
    #expect(try advance() == ["a": 10])
    engine.arrive(prompt: 200, maxOutput: 4, name: "b", requestClass: 2)
    #expect(try advance() == ["a": 1, "b": 22])
  }

  /// The same engine, without `chunk`: nobody's prompt is cut. b's 90 tokens run in one iteration, c's wait for the next
  /// one. Without `pause`, a decodes in every iteration, however much time its tokens have.
  @Test mutating func whatTheEngineCannotDoIsNotAsked() throws {
    engine = FaithfulEngine(
      FaithfulEngine.description(stepTokens: 1_024, sequences: 8, capabilities: [.order, .hold, .requeue]))
    core = SchedulerCore(
      engine: engine.description, policy: .test(ordering: .goodput, strategy: .goodput, timeModel: .plain))
    engine.arrive(prompt: 10, maxOutput: 50, name: "a", requestClass: 2)
    #expect(try advance() == ["a": 10])
    engine.arrive(prompt: 90, maxOutput: 4, name: "b")
    engine.arrive(prompt: 300, maxOutput: 4, name: "c", requestClass: 2)
    #expect(try advance() == ["a": 1, "b": 90])
    #expect(try advance() == ["a": 1, "b": 1, "c": 300])
  }

  /// a has 200 ms per token, and its next one is not due before the end of the iteration after this: it sits this one
  /// out, and b's prompt gets all of it, 93 tokens. The last 7 leave room for both.
  @Test mutating func looseDecodesSkipIterations() throws {
    engine.arrive(prompt: 10, maxOutput: 50, name: "a", requestClass: 2)
    #expect(try advance() == ["a": 10])
    engine.arrive(prompt: 100, maxOutput: 4, name: "b")
    #expect(try advance() == ["b": 93])
    #expect(try advance() == ["a": 1, "b": 7])
  }

  /// 600 prompt tokens take 630 ms and cannot be there in 500 ms; 20 can. The later one goes first.
  @Test mutating func theHopelessDoNotDelayTheOthers() throws {
    engine.arrive(prompt: 600, maxOutput: 4, name: "hopeless")
    engine.arrive(prompt: 20, maxOutput: 4, name: "live")
    let ran = try advance()
    #expect(ran["live"] == 20)
    // What is left to 40 of 100 ms: 38 tokens in all.
    #expect(ran["hopeless"] == 18)
  }

  /// The engine stands still for 10 s, far more than a's 25 ms per token can make up for: a is late for good. A prompt
  /// with a minute to spare does not hold its stream up for all that.
  @Test mutating func aStreamThatIsLateGoesOn() throws {
    engine.arrive(prompt: 10, maxOutput: 50, name: "a")
    #expect(try advance() == ["a": 10])
    #expect(try advance() == ["a": 1])
    engine.iterationUs = 10_000_000
    engine.arrive(prompt: 900, maxOutput: 4, name: "long", requestClass: 2)
    for _ in 0..<5 {
      let ran = try advance()
      #expect(ran["a"] == 1)
      #expect(ran["long"] ?? 0 > 50, "and has most of each iteration")
    }
  }

  /// Each iteration takes 3 s, whatever is in it. By prediction not even the smallest chunk fits what late requests get
  /// of an iteration, but somebody has to run, or nothing would ever be measured again.
  @Test mutating func aSlowEngineNeverStandsIdle() throws {
    engine.arrive(prompt: 900, maxOutput: 4, name: "a")
    engine.arrive(prompt: 200, maxOutput: 4, name: "b", requestClass: 2)
    var iterations = 0
    while !engine.live.isEmpty, iterations < 100 {
      #expect(try advance().isEmpty == false)
      engine.iterationUs = 3_000_000
      iterations += 1
    }
    #expect(engine.live.isEmpty, "and both end")
  }

  /// Sixteen blocks hold 256 tokens. a holds 100 and may need 50 more. b, with 120, fits beside it; c, with 140, does
  /// not, and a third of its size does not pass it.
  @Test mutating func roomForKVIsKeptForWhomItWasRefused() throws {
    start(blocks: 16)
    engine.arrive(prompt: 90, maxOutput: 200, name: "a")
    #expect(try advance()["a"] == 90)
    engine.arrive(prompt: 150, maxOutput: 20, name: "big", ageUs: 300_000)
    engine.arrive(prompt: 100, maxOutput: 200, name: "small", requestClass: 2)
    let ran = try advance()
    #expect(ran["big"] == nil && ran["small"] == nil)
    #expect(plan.reasons.contains { $0.reason.code == "waiting_kv" })
  }

  /// With a bound of 8 s who waited 7 s goes before everybody, oldest first, whether it is late (600 tokens within 500
  /// ms) or has a minute; its prompt is brought to its end. Without a bound the live one goes first.
  @Test(arguments: [8_000, nil] as [Int?])
  mutating func theStarvingGoFirst(boundMs: Int?) throws {
    start(starvationBoundMs: boundMs)
    engine.arrive(prompt: 120, maxOutput: 1, name: "patient", requestClass: 2, ageUs: 7_000_000)
    engine.arrive(prompt: 600, maxOutput: 1, name: "late", ageUs: 7_100_000)
    engine.arrive(prompt: 20, maxOutput: 1, name: "live")
    let first = try advance()
    guard boundMs != nil else { return #expect(first["live"] == 20) }
    #expect(first == ["late": 93])
    for _ in 0..<5 { #expect(try advance() == ["late": 93]) }
    #expect(try advance() == ["late": 42, "patient": 51])
  }

  /// a holds 100 of 256 tokens, and big does not fit beside it. small is worth more per KV and passes it, unless big
  /// has waited 7 s of 8.
  @Test(arguments: [8_000, nil] as [Int?])
  mutating func nobodyPassesWhoStarvesForKV(boundMs: Int?) throws {
    start(blocks: 16, starvationBoundMs: boundMs)
    engine.arrive(prompt: 90, maxOutput: 200, name: "a")
    #expect(try advance()["a"] == 90)
    engine.arrive(prompt: 150, maxOutput: 20, name: "big", requestClass: 2, ageUs: 7_000_000)
    engine.arrive(prompt: 20, maxOutput: 4, name: "small")
    let ran = try advance()
    #expect(ran["big"] == nil)
    #expect((ran["small"] == nil) == (boundMs != nil))
  }

  @Test mutating func plansAreTheSameInEveryRun() throws {
    var texts: [String] = []
    for _ in 0..<2 {
      start(blocks: 30)
      var text = ""
      for index in 0..<200 {
        if index % 7 == 0 {
          engine.arrive(
            prompt: 5 + index % 90, maxOutput: 3 + index % 11, name: "r\(index)", requestClass: 1 + index % 2)
        }
        text += "\(try advance().sorted { $0.key < $1.key })"
      }
      texts.append(text)
    }
    #expect(texts[0] == texts[1])
  }
}
