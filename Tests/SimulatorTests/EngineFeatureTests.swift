import Policy
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// Tiers, drafts, adapters and events of the reference engine, under the exerciser, which uses every verb, and under
/// ordinary policies.
struct EngineFeatureTests {
  private func engine(
    policy: String, requests: Int = 80, ratePerS: Double = 8, adapters: Int = 0,
    change: (inout EngineOptions) -> Void
  ) throws -> ReferenceEngine {
    var options = EngineOptions()
    change(&options)
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var policy = try #require(PolicyDocument.preset(policy)).config
    policy.draftTokens = 3
    var source = WorkloadSource(.generated(requests: requests, ratePerS: ratePerS), mix: .standard, seed: 1)
    source.adapters = adapters
    return ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: try source.open(rateScale: 1),
      link: CoreLink(policy: policy))
  }

  private func clock() -> () -> Int {
    var ticks = 0
    return {
      ticks += 1_000
      return ticks
    }
  }

  // MARK: - Tiers

  private static let swap = SwapOptions(
    cpuBytes: 40_000_000_000, cpuBytesPerS: 50e9, ssdBytes: 400_000_000_000, ssdBytesPerS: 5e9)

  @Test(arguments: [1, 2])
  func kvGoesToBothTiersAndComesBack(inFlight: Int) throws {
    var engine = try engine(policy: "exerciser") {
      $0.swap = Self.swap
      $0.inFlightMax = inFlight
    }
    let card = try engine.run(clock: clock(), onProgress: { _ in true })
    #expect(card.requests == 80)
    for tier in ["cpu_offload", "ssd_offload"] {
      let out = try #require(card.json[tier]?["out_bytes"]?.integerValue)
      let back = try #require(card.json[tier]?["in_bytes"]?.integerValue)
      #expect(back > 0 && back <= out, "\(tier)")
    }
    // SSD moves ten times slower.
    let cpu = card.cpuTraffic
    let ssd = card.ssdTraffic
    #expect(abs(Double(cpu.busyUs) / (Double(cpu.bytes) / 50e9 * 1e6) - 1) < 0.01)
    #expect(abs(Double(ssd.busyUs) / (Double(ssd.bytes) / 5e9 * 1e6) - 1) < 0.01)
    #expect(engine.cpuTier.usedBytes == 0 && engine.ssdTier.usedBytes == 0)
  }

  @Test func aFullTierMeansRecompute() throws {
    var engine = try engine(policy: "exerciser") {
      $0.swap = SwapOptions(cpuBytes: 1, cpuBytesPerS: 50e9, ssdBytes: 1, ssdBytesPerS: 5e9)
    }
    let card = try engine.run(clock: clock(), onProgress: { _ in true })
    #expect(card.requests == 80)
    #expect(card.cpuTraffic.bytes == 0 && card.ssdTraffic.bytes == 0)
    #expect(card.recomputedTokens > 0)
  }

  // MARK: - Drafts

  private func speculate(_ mode: SpeculationOptions.Mode, _ acceptance: Double, inFlight: Int = 1) throws -> Scorecard {
    var engine = try engine(policy: "vllm-v1", requests: 60, ratePerS: 2) {
      $0.speculation = SpeculationOptions(mode: mode, acceptance: acceptance, draftsMax: 3, draftUs: 500)
      $0.inFlightMax = inFlight
    }
    return try engine.run(clock: clock(), onProgress: { _ in true })
  }

  /// With k drafts of acceptance a, a + a^2 + ... + a^k of them are right on average.
  @Test(arguments: [0.0, 0.5, 0.8, 1.0])
  func draftsAreAcceptedAsOftenAsTheTruthSays(acceptance: Double) throws {
    let card = try speculate(.fixed, acceptance)
    #expect(card.requests == 60)
    #expect(card.draftedTokens > 3_000)
    let expected = (1...3).reduce(0.0) { sum, power in
      sum + (0..<power).reduce(1.0) { product, _ in product * acceptance }
    }
    let perDraft = Double(card.acceptedTokens) / Double(card.draftedTokens)
    #expect(abs(perDraft - expected / 3) < 0.02, "\(perDraft)")
  }

  @Test(arguments: SpeculationOptions.Mode.allCases, [1, 2])
  func everyModeFinishesInEveryMode(mode: SpeculationOptions.Mode, inFlight: Int) throws {
    let card = try speculate(mode, 0.6, inFlight: inFlight)
    #expect(card.requests == 60)
    #expect(card.acceptedTokens > 0 && card.acceptedTokens < card.draftedTokens)
  }

  @Test func goodDraftsMakeTokensComeFaster() throws {
    let good = try speculate(.fixed, 0.9).all.tpotUs.mean
    let bad = try speculate(.fixed, 0.0).all.tpotUs.mean
    #expect(good < 0.6 * bad, "\(good) \(bad)")
  }

  @Test func theTruthDriftsAndJumps() {
    func values(_ mode: SpeculationOptions.Mode) -> [Double] {
      let truth = HiddenAcceptance(
        options: .init(mode: mode, acceptance: 0.5, draftsMax: 3, draftUs: 0), seed: 1)
      return stride(from: 0, to: 512, by: 8).map { truth.probability(77, output: $0) }
    }
    #expect(Set(values(.fixed)) == [0.5])
    #expect(Set(values(.mixed)).count == 1)
    #expect(values(.drifting).max()! > 0.75 && values(.drifting).min()! < 0.25)
    #expect(Set(values(.adversarial)) == [0.05, 0.95])
  }

  // MARK: - Adapters

  @Test func fewResidentAdaptersAreLoadedAgainAndAgain() throws {
    func loads(_ resident: Int) throws -> Int {
      var engine = try engine(policy: "vllm-v1", adapters: 12) {
        $0.adapters = AdapterOptions(resident: resident, loadUs: 5_000)
      }
      let card = try engine.run(clock: clock(), onProgress: { _ in true })
      #expect(card.requests == 80)
      return card.adapterLoads
    }
    let all = try loads(12)
    let few = try loads(2)
    #expect(all > 3 && all <= 12)
    #expect(few > all, "\(few) \(all)")
  }

  /// With a third of the places the flagship keeps most of what an engine with all places serves in time, and more
  /// than first come, first served, which lets nobody in whose adapter has no place.
  @Test func adaptersTakeTurns() throws {
    func inTime(_ policy: String, _ resident: Int) throws -> Double {
      var engine = try engine(policy: policy, requests: 400, ratePerS: 8, adapters: 24) {
        $0.adapters = AdapterOptions(resident: resident, loadUs: 5_000)
      }
      let card = try engine.run(clock: clock(), onProgress: { _ in true })
      #expect(card.requests == 400)
      return try #require(card.json["weighted_within_slo_ratio"]?.doubleValue)
    }
    let all = try inTime("goodput", 24)
    let few = try inTime("goodput", 8)
    #expect(few > 0.8 * all, "\(few) of \(all)")
    #expect(try few > inTime("vllm-v1", 8))
  }

  // MARK: - Events

  private func run(_ engine: ReferenceEngine, _ events: [ScriptedEvent]) throws -> (Scorecard, ReferenceEngine) {
    var loop = EngineLoop(
      engines: [engine],
      workload: GeneratedWorkload(requests: 80, ratePerS: 8, mix: .standard, seed: 1), events: events)
    return (try loop.run(clock: clock(), onProgress: { _ in true }), loop.engines[0])
  }

  @Test(arguments: ["vllm-v1", "exerciser"], [1, 2])
  func aLostGPUCostsTimeAndNoRequest(policy: String, inFlight: Int) throws {
    let engine = try engine(policy: policy) {
      $0.inFlightMax = inFlight
      $0.swap = Self.swap
      $0.speculation = SpeculationOptions(mode: .mixed, acceptance: 0.6, draftsMax: 3, draftUs: 500)
    }
    let quiet = try run(engine, []).0
    let (card, after) = try run(
      engine,
      [
        .init(atUs: 2_000_000, instance: 0, kind: .gpuLoss(downUs: 5_000_000)),
        .init(atUs: 9_000_000, instance: 0, kind: .gpuLoss(downUs: 0)),
      ])
    #expect(card.requests == 80)
    #expect(card.gpuLosses == 2)
    // What the exerciser does is another story after the first difference.
    if policy == "vllm-v1" { #expect(card.recomputedTokens > quiet.recomputedTokens) }
    #expect(card.all.maxGapUs.max >= 5_000_000)
    #expect(card.all.good < quiet.all.good)
    #expect(after.queue.cache.heldBlocks == 0)
  }

  @Test func aClosedHostTierDropsWhatLiesInIt() throws {
    let engine = try engine(policy: "exerciser") { $0.swap = Self.swap }
    let events = (1...12).flatMap { second in
      [
        ScriptedEvent(atUs: second * 1_000_000, instance: 0, kind: .memoryPressure(.close)),
        ScriptedEvent(atUs: second * 1_000_000 + 100_000, instance: 0, kind: .memoryPressure(.none)),
      ]
    }
    let (card, after) = try run(engine, events)
    #expect(card.requests == 80)
    #expect(card.cpuTraffic.bytesIn < card.cpuTraffic.bytesOut)
    #expect(after.cpuTier.usedBytes == 0)
  }

  @Test func eventFilesAreRead() throws {
    let text = """
      {"events":[{"at_s":20,"kind":"gpu_loss","down_s":1.5,"instance":1},
                 {"at_s":2.5,"kind":"memory_pressure","level":"shrink"}]}
      """
    let events = try ScriptedEvent.decode(bytes: Array(text.utf8), instances: 2)
    #expect(
      events == [
        .init(atUs: 2_500_000, instance: 0, kind: .memoryPressure(.shrink)),
        .init(atUs: 20_000_000, instance: 1, kind: .gpuLoss(downUs: 1_500_000)),
      ])
    for (broken, words) in [
      (text.replacing("shrink", with: "squeeze"), "/events/1/level"),
      (text.replacing("20", with: "-1"), "/events/0/at_s"),
      (text.replacing("gpu_loss", with: "fire"), "/events/0/kind"), ("[]", "events"), ("{", "events"),
      (text.replacing("\"instance\":1", with: "\"instance\":2"), "instance"),
    ] {
      let error = #expect(throws: WorkloadError.self) {
        try ScriptedEvent.decode(bytes: Array(broken.utf8), instances: 2)
      }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }
}
