import Testing

@testable import SchedulerCore

/// S-LoRA's admission test (Sheng et al., MLSys 2024), by hand and against a count of every iteration to come.
struct PeakNeedTests {
  private func engine(blocks: Int, blockTokens: Int = 1, adapterBlocks: Int = 0) -> EngineDescription {
    var engine = FaithfulEngine.description(blocks: blocks, stepTokens: 4_096, sequences: 6, adapters: 12)
    engine.model.kvGroups[0].blockTokens = blockTokens
    engine.limits.adapterBlocks = adapterBlocks
    return engine
  }

  private func peak(_ engine: EngineDescription) -> PeakNeed {
    var peak = PeakNeed(engine: engine)
    peak.open()
    return peak
  }

  /// The example of Docs/memory.md: 70 of 100 blocks for two, 85 for three; 80 are left beside two adapters.
  @Test func theWorstMomentIsWhenSomebodyEnds() {
    func missing(adapterBlocks: Int) -> Int {
      var peak = peak(engine(blocks: 100, adapterBlocks: adapterBlocks))
      peak.add(known: 20, left: 30, adapter: 0)
      peak.add(known: 40, left: 5, adapter: 1)
      return peak.missingBlocks(known: 10, left: 10, adapter: 1)
    }
    #expect(missing(adapterBlocks: 0) == 0)
    #expect(missing(adapterBlocks: 10) == 6)
    // 100 - 2 x 7 = 86 > 85.
    #expect(missing(adapterBlocks: 7) == 0)
    #expect(missing(adapterBlocks: 8) == 2)
  }

  /// An adapter counts once, and one that nobody names yet counts with the request that brings it.
  @Test func adaptersCountOnce() {
    var peak = peak(engine(blocks: 100, adapterBlocks: 20))
    peak.add(known: 10, left: 10, adapter: 3)
    peak.add(known: 10, left: 10, adapter: 3)
    // 30 + 3 x 10 = 60 < 100 - 20; with another adapter 60 is not below 60; without one it is below 80.
    #expect(peak.missingBlocks(known: 10, left: 10, adapter: 3) == 0)
    #expect(peak.missingBlocks(known: 10, left: 10, adapter: 4) == 1)
    #expect(peak.missingBlocks(known: 10, left: 10, adapter: -1) == 0)
    peak.open()
    #expect(peak.missingBlocks(known: 79, left: 0, adapter: 3) == 0)
    #expect(peak.missingBlocks(known: 80, left: 0, adapter: 3) == 1)
  }

  /// Blocks of 16 tokens: 15 tokens of each request may lie in a block that is otherwise empty.
  @Test func theLastBlockMayBeAlmostEmpty() {
    var peak = peak(engine(blocks: 10, blockTokens: 16))
    peak.add(known: 64, left: 0, adapter: -1)
    // 64 + 65 + 2 x 15 = 159 < 160; one more is not.
    #expect(peak.missingBlocks(known: 65, left: 0, adapter: -1) == 0)
    #expect(peak.missingBlocks(known: 66, left: 0, adapter: -1) == 1)
  }

  /// Whenever the test says that all fit, no iteration to come needs more blocks than there are; and where it says no,
  /// the most that one needs is no less than the pool, but for the rounding.
  @Test(arguments: UInt64(1)...200) func noIterationNeedsMore(seed: UInt64) {
    var random = SplitMix64(seed)
    let blockTokens = [1, 4, 16][random.below(3)]
    let blocks = 20 + random.below(200)
    let adapterBlocks = random.below(8)
    let all = (0..<1 + random.below(6)).map { _ in
      (known: 1 + random.below(150), left: random.below(150), adapter: Int32(random.below(4)) - 1)
    }
    var peak = peak(engine(blocks: blocks, blockTokens: blockTokens, adapterBlocks: adapterBlocks))
    for part in all.dropLast() { peak.add(known: part.known, left: part.left, adapter: part.adapter) }
    let last = all[all.count - 1]
    let isFit = peak.missingBlocks(known: last.known, left: last.left, adapter: last.adapter) == 0
    let room = blocks - adapterBlocks * Set(all.map(\.adapter).filter { $0 >= 0 }).count
    var most = 0
    for iteration in 0...150 {
      let there = all.filter { $0.left >= iteration }
      most = max(most, there.reduce(0) { $0 + ($1.known + iteration + blockTokens - 1) / blockTokens })
    }
    if isFit { #expect(most <= room, "seed \(seed)") } else { #expect(most + all.count > room, "seed \(seed)") }
  }

  // MARK: - In plans

  private func policy(_ peak: AdmissionRules.PeakReserve) -> PolicyConfig {
    var policy = PolicyConfig.test()
    policy.admission.reservesPeak = peak
    return policy
  }

  /// 10 blocks of 16 tokens. Two requests of 32 tokens and 32 to come need 4 blocks each, and one token each of rounding:
  /// 2 x 32 + 2 x (32 + 15) = 158 < 160. The third has room now, and would not later.
  @Test func whoWouldNotFitLaterWaits() throws {
    var engine = FaithfulEngine(engine(blocks: 10, blockTokens: 16))
    var core = SchedulerCore(engine: engine.description, policy: policy(.longest))
    let handles = (0..<3).map { engine.arrive(prompt: 32, maxOutput: 32, ageUs: Int64(10 - $0)) }
    var other = engine
    let first = try engine.plan(&core)
    #expect(first.run.map(\.h) == Array(handles[..<2]))
    #expect(first.reasons.contains { $0.h == handles[2] && $0.reason.code == "waiting_kv" })
    var plain = SchedulerCore(engine: engine.description, policy: policy(.none))
    #expect(try other.plan(&plain).run.map(\.h) == handles)
  }

  /// Decodes run in every iteration, and prompts in one: nobody is ever preempted, in random queues that make vLLM's
  /// rule preempt. Whoever is too large for the pool beside others runs alone.
  @Test func nobodyIsEverPreempted() throws {
    var preemptions = 0
    for seed in UInt64(1)...12 {
      for peak in [AdmissionRules.PeakReserve.longest, .none] {
        var random = SplitMix64(seed)
        var engine = FaithfulEngine(engine(blocks: 14, blockTokens: 16))
        var core = SchedulerCore(engine: engine.description, policy: policy(peak))
        for _ in 0..<30 { engine.arrive(prompt: 1 + random.below(90), maxOutput: 1 + random.below(90)) }
        for _ in 0..<4_000 where !engine.live.isEmpty {
          let plan = try engine.plan(&core)
          if peak == .longest { #expect(plan.requeue == [], "seed \(seed)") } else { preemptions += plan.requeue.count }
          engine.run(plan)
          #expect(engine.freeBlocks >= 0, "seed \(seed)")
        }
        #expect(engine.finished == 30, "seed \(seed)")
      }
    }
    #expect(preemptions > 0)
  }
}
