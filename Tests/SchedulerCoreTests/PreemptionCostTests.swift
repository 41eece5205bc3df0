import Testing

@testable import SchedulerCore

/// Costs by hand, on both sides of the crossover, with the figures of one H100 and one A100 under Llama-3.1-8B:
/// 131,072 bytes of KV per token, host links of 50 and 22 GB/s.
struct PreemptionCostTests {
  private static let bytesPerToken = 131_072

  private func engine(
    capabilities: Capabilities = [.requeue, .swapCPU, .swapSSD, .pause], blocks: Int = 1_000
  ) -> EngineDescription {
    var engine = FaithfulEngine.description(blocks: blocks, capabilities: capabilities)
    engine.model.kvGroups[0].bytesPerToken = Self.bytesPerToken
    return engine
  }

  private func machine(hostLink: Int?, disk: Int? = nil, level: MemoryPressureLevel = .none) -> ResourceSnapshot {
    var snapshot = ResourceSnapshot.unknown
    snapshot.hostLinkBytesPerS = hostLink
    snapshot.diskBytesPerS = disk
    snapshot.memoryLevel = level
    return snapshot
  }

  private func request(computed: Int) -> Request {
    var request = Request(
      handle: 1, tenant: 0, className: 0, adapter: -1, promptTokens: computed, maxOutputTokens: 10, arrivalUs: 0,
      cachedTokens: 0, ttftSLOMs: 0, tpotSLOMs: 0)
    request.computedTokens = computed
    request.isRunning = true
    return request
  }

  private func controller(
    _ means: PreemptionRules.Means, _ machine: ResourceSnapshot, engine description: EngineDescription? = nil,
    hostTier: Bool = true
  ) -> PreemptionController {
    var policy = PolicyConfig.test(victims: .cost)
    policy.preemption.means = means
    var controller = PreemptionController(engine: description ?? engine(), policy: policy)
    controller.open(machine, allowsHostTier: hostTier, nowUs: 0)
    return controller
  }

  /// 2 x 8192 x 131072 bytes are 2.147 GB: 42.95 ms at 50 GB/s, 97.61 ms at 22 GB/s.
  @Test func copyOutAndBack() {
    #expect(PreemptionCost.copyUs(bytes: 8_192 * Self.bytesPerToken, bytesPerS: 50_000_000_000) == 42_950)
    #expect(PreemptionCost.copyUs(bytes: 8_192 * Self.bytesPerToken, bytesPerS: 22_000_000_000) == 97_613)
    #expect(PreemptionCost.copyUs(bytes: 0, bytesPerS: 1) == 0)
  }

  /// 1,000 tokens: 5.243 ms at 50 GB/s. A recompute of 5.242 ms is taken, one of 5.244 ms is not.
  @Test func theCheaperOneIsTaken() {
    let controller = controller(.cost, machine(hostLink: 50_000_000_000))
    let dear = controller.choose(request(computed: 1_000), recomputeUs: 5_244)
    #expect(dear.verb == .swap && !dear.toSSD && dear.costUs == 5_243 && dear.copyUs == 5_243)
    let cheap = controller.choose(request(computed: 1_000), recomputeUs: 5_242)
    #expect(cheap.verb == .requeue && cheap.costUs == 5_242 && cheap.copyUs == 5_243)
  }

  /// At equal cost nothing is copied: a copy has risks that a recompute has not.
  @Test func aTieIsARecompute() {
    let choice = controller(.cost, machine(hostLink: 50_000_000_000)).choose(
      request(computed: 1_000), recomputeUs: 5_243)
    #expect(choice.verb == .requeue)
  }

  /// Disk at 5 GB/s: 52.429 ms for 1,000 tokens. It is used where host memory may not be, and only if it pays.
  @Test func diskStandsInForHostMemory() {
    let measured = machine(hostLink: 50_000_000_000, disk: 5_000_000_000)
    let open = controller(.cost, measured).choose(request(computed: 1_000), recomputeUs: 60_000)
    #expect(open.verb == .swap && !open.toSSD && open.costUs == 5_243)
    let tight = controller(.cost, measured, hostTier: false)
    let disk = tight.choose(request(computed: 1_000), recomputeUs: 60_000)
    #expect(disk.verb == .swap && disk.toSSD && disk.costUs == 52_429)
    #expect(tight.choose(request(computed: 1_000), recomputeUs: 50_000).verb == .requeue)
  }

  @Test func aDiskThatNobodyMeasuredIsNotUsed() {
    let controller = controller(.cost, machine(hostLink: nil), hostTier: false)
    #expect(controller.choose(request(computed: 1_000), recomputeUs: 1_000_000).verb == .requeue)
  }

  /// 12 GB/s is assumed of a link that nobody measured: 21.846 ms for 1,000 tokens.
  @Test func anUnknownLinkIsTakenForASlowOne() {
    let controller = controller(.cost, machine(hostLink: nil))
    #expect(controller.choose(request(computed: 1_000), recomputeUs: 22_000).copyUs == 21_846)
  }

  @Test func onlyDeclaredVerbsAreChosen() {
    let fast = machine(hostLink: 50_000_000_000, disk: 50_000_000_000)
    for means in PreemptionRules.Means.allCases {
      let requeues = controller(means, fast, engine: engine(capabilities: [.requeue, .pause]))
      #expect(requeues.choose(request(computed: 1_000), recomputeUs: 1_000_000).verb == .requeue)
      let copies = controller(means, fast, engine: engine(capabilities: [.swapCPU, .pause]))
      #expect(copies.mayPreempt == (means == .swap || means == .cost))
      if copies.mayPreempt {
        #expect(copies.choose(request(computed: 1_000), recomputeUs: 1).verb == .swap)
      }
    }
  }

  // MARK: - What the cache keeps

  /// A victim of 10 blocks; others took 2, then 12 while victims were away: (8 + 0) / 2 blocks are expected to survive.
  @Test func blocksThatOthersTookAreLost() {
    var survival = CacheSurvival()
    #expect(survival.expected(blocks: 10) == 0)
    survival.observe(blocks: 10, taken: 2, found: nil)
    #expect(survival.expected(blocks: 10) == 8)
    survival.observe(blocks: 10, taken: 12, found: nil)
    #expect(survival.expected(blocks: 10) == 4)
  }

  /// An engine that never finds anything again teaches that quickly; one that does is believed again.
  @Test func whatIsNeverFoundIsNotExpected() {
    var survival = CacheSurvival()
    for _ in 0..<10 { survival.observe(blocks: 10, taken: 0, found: 0) }
    #expect(survival.expected(blocks: 10) < 0.6)
    for _ in 0..<20 { survival.observe(blocks: 10, taken: 0, found: 10) }
    #expect(survival.expected(blocks: 10) > 9.5)
  }

  // MARK: - Caps

  @Test func theRateHoldsInEverySecond() {
    var rate = RateLimit(perSecond: 3)
    var taken: [Int64] = []
    for nowUs in stride(from: Int64(0), to: 5_000_000, by: 10_000) {
      rate.open(nowUs: nowUs)
      while rate.isOpen {
        rate.take()
        taken.append(nowUs)
      }
    }
    // A full allowance at the start, then three a second.
    #expect(taken.count == 3 + 14)
    let unlimited = RateLimit(perSecond: nil)
    #expect(unlimited.isOpen)
  }
}
