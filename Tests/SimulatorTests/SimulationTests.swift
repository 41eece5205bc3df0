import Policy
import SchedulerCore
import Testing

@testable import Simulator

struct SimulationTests {
  private func simulation(requests: Int, ratePerS: Double, mix: ClassMix = .standard) throws -> Simulation {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    let source = WorkloadSource(.generated(requests: requests, ratePerS: ratePerS), mix: mix, seed: 3)
    return try Simulation(profile: profile, options: EngineOptions(), source: source, rateScale: 1)
  }

  private func contender(_ name: String, _ simulation: Simulation) throws -> Contender {
    try #require(Contender.baseline(name, time: simulation.profile.time, mix: simulation.source.mix))
  }

  @Test(arguments: Contender.baselineNames)
  func everyBaselineServesEverything(name: String) throws {
    let simulation = try simulation(requests: 120, ratePerS: 8)
    let run = try simulation.run(try contender(name, simulation), clock: { 0 }, onProgress: { _ in true })
    #expect(run.isComplete)
    #expect(run.scorecard.policy == name)
    #expect(run.scorecard.requests == 120)
    #expect(run.boundRequestsPerS > 0)
    #expect(run.json["policy"] == .string(name))
    for key in ["bound_requests_per_s", "share_of_bound", "goodput_requests_per_s", "iterations_per_s"] {
      #expect(run.json[key]?.doubleValue != nil, "\(key)")
    }
  }

  @Test func anInterruptedRunKeepsWhatIsKnown() throws {
    let simulation = try simulation(requests: 500, ratePerS: 8)
    var ticks = 0
    let run = try simulation.run(
      try contender("vllm-v1", simulation),
      clock: {
        ticks += 100_000
        return ticks
      }, onProgress: { $0.finishedRequests < 50 })
    #expect(!run.isComplete)
    #expect((50..<500).contains(run.scorecard.requests))
  }

  @Test func theSweepFindsTheLastRateThatHolds() throws {
    let strict = ClassMix(entries: [.init(name: "strict", share: 1, ttftSLOMs: 150, tpotSLOMs: 25)])
    let simulation = try simulation(requests: 300, ratePerS: 10, mix: strict)
    let sweep = try simulation.sweepRate(
      try contender("vllm-v1", simulation), clock: { 0 }, onProgress: { _, _ in true })
    #expect(sweep.isComplete)
    #expect(sweep.capacityRequestsPerS > 0)
    let above = try #require(sweep.sortedPoints.first { $0.requestsPerS > sweep.capacityRequestsPerS })
    #expect(!sweep.isGood(above))
    // The last two rates are within a step of the search.
    let step = simulation.boundRequestsPerS * 1.1 / Double(1 << (RateSweep.runs - 1))
    #expect(above.requestsPerS - sweep.capacityRequestsPerS <= step * 1.001)
  }

  @Test func theLastSecondsAreServedAndNotCounted() throws {
    var simulation = try simulation(requests: 200, ratePerS: 10)
    let contender = try contender("vllm-v1", simulation)
    let all = try simulation.run(contender, clock: { 0 }, onProgress: { _ in true })
    simulation.uncountedTailUs = 8_000_000
    let counted = try simulation.run(contender, clock: { 0 }, onProgress: { _ in true })
    #expect(counted.scorecard.iterations == all.scorecard.iterations)
    #expect(counted.scorecard.requests < all.scorecard.requests)
    #expect(counted.scorecard.countedUs == simulation.demand.spanUs - 8_000_000)
    #expect(abs(counted.scorecard.goodputRequestsPerS / all.scorecard.goodputRequestsPerS - 1) < 0.3)
  }

  /// A scheduler that is told output lengths sees them as limits.
  @Test(arguments: [false, true])
  func onlyTheClairvoyantAreToldLengths(isClairvoyant: Bool) throws {
    var options = EngineOptions()
    options.knownOutputLengths = isClairvoyant
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: ListWorkload([]), link: LengthProbe())
    engine.take(
      EngineArrival(
        WorkloadRequest(
          id: "r", arrivalUs: 0, tenant: "t", classIndex: 0, promptTokens: 100, outputTokens: 37)))
    try engine.step { 0 }
    let told = try #require((engine.link as? LengthProbe)?.maxOutput)
    #expect(told == (isClairvoyant ? 37 : profile.length - 100))
  }

  /// Llama-3.1-8B on H100 with 2 ms of overhead, 128 decodes of 1,024 tokens of context: 640 tokens take 23.3 ms and
  /// 768 take 25.9; 1,920 take 49.6 ms and 2,048 take 52.3.
  @Test(arguments: [(25, 640), (50, 1920)])
  func sarathisBudget(tpotMs: Int, tokens: Int) throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    #expect(Contender.sarathiBudget(profile.time, tpotMs: tpotMs) == tokens)
  }

  @Test func unknownBaselinesAreNone() throws {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    #expect(Contender.baseline("nobody", time: profile.time, mix: .standard) == nil)
  }

  @Test func theTimelineMergesAndLosesNothing() {
    var timeline = Timeline()
    for second in 0..<3000 {
      timeline.add(
        startUs: Int64(second) * 1_000_000, elapsedUs: 10, decodes: 2, prefillTokens: 3, running: 4, waiting: 5,
        occupancy: 0.5)
    }
    #expect(timeline.buckets.count <= Timeline.bucketsMax)
    #expect(timeline.buckets.reduce(0) { $0 + $1.iterations } == 3000)
    #expect(timeline.buckets.reduce(0) { $0 + $1.prefillTokens } == 9000)
    #expect(timeline.buckets.allSatisfy { abs($0.meanRunning - 4) < 1e-9 && abs($0.meanOccupancy - 0.5) < 1e-9 })
  }
}
