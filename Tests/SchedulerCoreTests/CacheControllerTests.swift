import Testing

@testable import SchedulerCore

/// Plans that name prefixes, worked out by hand. One pool of blocks of 16 tokens, units of 32: two blocks each.
struct CacheControllerTests {
  private struct Talk {
    var core: SchedulerCore
    var seq: UInt64 = 0
    var delta = StepDelta()
    var resources = ResourceSnapshot.unknown

    init(
      _ verbs: Capabilities, rule: EvictionRule = .lru, blocks: Int = 10, sequences: Int = 8, tierBlocks: Int = 0
    ) {
      var engine = FaithfulEngine.description(
        blocks: blocks, sequences: sequences,
        capabilities: Capabilities([.order, .hold, .chunk, .pause, .requeue]).union(verbs))
      engine.prefixCache = .init(blockTokens: 32, tierBlocks: tierBlocks)
      var policy = PolicyConfig.test(timeModel: .plain)
      policy.eviction = rule
      core = SchedulerCore(engine: engine, policy: policy)
      delta.names = FaithfulEngine.names
    }

    mutating func arrive(
      _ h: RequestHandle, prompt: Int, output: Int = 40, keys: [UInt64] = [], cached: Int = 0, tier: Int = 0
    ) {
      delta.arrived.h.append(h)
      delta.arrived.id.append("r\(h)")
      delta.arrived.tenant.append(0)
      delta.arrived.requestClass.append(1)
      delta.arrived.prompt.append(prompt)
      delta.arrived.maxOutput.append(output)
      delta.arrived.ageUs.append(0)
      delta.arrived.cachedTokens.append(cached)
      delta.arrived.prefixKeys.append(contentsOf: keys)
      delta.arrived.prefixEnd.append(delta.arrived.prefixKeys.count)
      delta.arrived.tierTokens.append(tier)
    }

    mutating func remove(_ h: RequestHandle) {
      delta.removed.append(h)
      delta.removedWhy.append(.stop)
    }

    /// Sends what there is and returns the plan. - Parameters: free and cached blocks.
    mutating func step(free: Int, cached: Int, mode: StepDelta.Launched.Mode = .plan) throws -> StepPlan {
      seq += 1
      delta.epoch = 1
      delta.seq = seq
      delta.nowUs = Int64(seq) * 1_000
      delta.kvFreeBlocks = [free]
      delta.kvCachedBlocks = [cached]
      if mode != .plan {
        delta.launched.seq = seq - 1
        delta.launched.mode = mode
      } else if seq > 1, hadWork {
        delta.settled.seq = [seq - 1]
        delta.settled.elapsedUs = [500]
        delta.settled.acceptedEnd = [0]
      }
      try core.apply(delta)
      delta.removeAll()
      var plan = StepPlan()
      core.plan(resources: resources, into: &plan)
      #expect(core.planViolations(plan) == [])
      hadWork = !plan.run.isEmpty
      return plan
    }
    private var hadWork = false
  }

  /// A prompt of three units was computed and left; the next one takes what is empty, and then a unit has to go for
  /// every two blocks: of one prompt the end first.
  private func evictions(_ verbs: Capabilities, _ rule: EvictionRule) throws -> [CachePlan?] {
    var talk = Talk(verbs, rule: rule)
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    var plans = [try talk.step(free: 10, cached: 0), try talk.step(free: 6, cached: 0)]
    talk.remove(1)
    talk.arrive(2, prompt: 64, keys: [7, 8])
    // Six of ten blocks are cached, and four are what the prompt takes.
    plans.append(try talk.step(free: 10, cached: 6))
    // The first output token needs a fifth block.
    plans.append(try talk.step(free: 6, cached: 6))
    return plans.map(\.cache)
  }

  @Test(arguments: [EvictionRule.lru, .lfu, .reuseValue])
  func evictsWhatThePlansWorkNeeds(rule: EvictionRule) throws {
    let caches = try evictions([.kvEvict], rule)
    #expect(caches[0] == CachePlan(watermarkBlocks: [0]))
    #expect(caches[1] == nil && caches[2] == nil)
    #expect(caches[3]?.evict == [3])
  }

  @Test func leavesItToTheEngineUnlessAsked() throws {
    #expect(try evictions([.kvEvict], .engine)[3] == nil)
    #expect(try evictions([.kvPin], .lru)[3] == nil)
  }

  @Test func saysForWhom() throws {
    var talk = Talk([.kvEvict])
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    _ = try talk.step(free: 10, cached: 0)
    _ = try talk.step(free: 6, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 128)
    let plan = try talk.step(free: 10, cached: 8)
    // Two blocks are empty and four are needed: one unit.
    #expect(plan.cache?.evict == [3])
    #expect(plan.reasons.contains(PlanReason(h: 2, reason: .cacheEvicted(units: 1))))
  }

  /// A plan that was not carried out, or never arrived, evicted nothing: the same unit is named again.
  @Test(arguments: [false, true])
  func aLostPlanEvictedNothing(isDropped: Bool) throws {
    var talk = Talk([.kvEvict])
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    _ = try talk.step(free: 10, cached: 0)
    _ = try talk.step(free: 6, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 128)
    let first = try talk.step(free: 10, cached: 8)
    if isDropped { talk.core.dropPlan() }
    let again = try talk.step(free: 10, cached: 8, mode: .none)
    #expect(first.cache?.evict == [3] && again.cache?.evict == [3])
    // That one was: the next two go for the rest of the prompt.
    let next = try talk.step(free: 6, cached: 6)
    #expect(next.cache?.evict == [2, 1])
  }

  /// A policy that comes while requests run takes over what is known of them.
  @Test func anotherRuleTakesOver() throws {
    var talk = Talk([.kvEvict], rule: .engine)
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    _ = try talk.step(free: 10, cached: 0)
    _ = try talk.step(free: 6, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 128)
    #expect(try talk.step(free: 10, cached: 8).cache == nil)
    var policy = talk.core.policy
    policy.eviction = .lfu
    talk.core.setPolicy(policy)
    #expect(try talk.step(free: 6, cached: 8).cache?.evict == [3, 2, 1])
  }

  /// What a waiting request has in its prompt stays, whatever the rule says.
  @Test func keepsWhatSomebodyWaitsFor() throws {
    var talk = Talk([.kvEvict], sequences: 1)
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    _ = try talk.step(free: 10, cached: 0)
    _ = try talk.step(free: 6, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 128)
    talk.arrive(3, prompt: 70, keys: [1, 2], cached: 64)
    #expect(try talk.step(free: 10, cached: 8).cache?.evict == [3])
    // The other two are in a prompt that waits: there is nothing to name.
    #expect(try talk.step(free: 6, cached: 6).cache == nil)
  }

  /// Where most of what may go has no name, the engine alone can clear it.
  @Test func leavesNamelessBlocksToTheEngine() throws {
    var talk = Talk([.kvEvict], blocks: 20)
    talk.arrive(1, prompt: 32, output: 1, keys: [1])
    _ = try talk.step(free: 20, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 64)
    // Two blocks of twenty have a name.
    #expect(try talk.step(free: 20, cached: 20).cache == nil)
  }

  @Test func pinsForWhoStartsNextUntilItStarts() throws {
    var talk = Talk([.kvPin], rule: .engine, blocks: 40, sequences: 1)
    talk.arrive(1, prompt: 96, output: 1, keys: [1, 2, 3])
    _ = try talk.step(free: 40, cached: 0)
    _ = try talk.step(free: 36, cached: 0)
    talk.remove(1)
    talk.arrive(2, prompt: 20, output: 2)
    talk.arrive(3, prompt: 80, keys: [1, 2], cached: 64)
    talk.arrive(4, prompt: 80, keys: [9], cached: 0)
    let plan = try talk.step(free: 40, cached: 6)
    #expect(plan.cache?.pin == [1, 2] && plan.cache?.unpin == [])
    #expect(plan.reasons.contains(PlanReason(h: 3, reason: .cachePinned(tokens: 64))))
    // Nothing is said twice.
    #expect(try talk.step(free: 38, cached: 6).cache == nil)
    talk.remove(2)
    let start = try talk.step(free: 40, cached: 6)
    #expect(start.run.map(\.h) == [3])
    #expect(start.cache?.unpin == [1, 2] && start.cache?.pin == [])
  }

  /// Forty blocks are twenty units, of which a fourth may be pinned.
  @Test func pinsAreBounded() throws {
    var talk = Talk([.kvPin], rule: .engine, blocks: 40, sequences: 1)
    talk.arrive(1, prompt: 20)
    talk.arrive(2, prompt: 300, keys: [1, 2, 3, 4, 5, 6, 7, 8, 9], cached: 288)
    let plan = try talk.step(free: 40, cached: 18)
    #expect(plan.cache?.pin == [1, 2, 3, 4, 5])
  }

  @Test func fetchesWhatIsCheaperToCopy() throws {
    var talk = Talk([.kvPrefetch], rule: .engine, blocks: 40, sequences: 1, tierBlocks: 100)
    talk.resources.hostLinkBytesPerS = 1_000_000
    talk.arrive(1, prompt: 20)
    // One unit is cached, two are in the tier, and the last token is computed in any case.
    talk.arrive(2, prompt: 96, keys: [1, 2, 3], cached: 32, tier: 64)
    let plan = try talk.step(free: 40, cached: 2)
    // 32 tokens of a byte each take 32 us of the link, and 32 ms of the GPU.
    #expect(plan.cache?.prefetch == [2])
    #expect(plan.reasons.contains(PlanReason(h: 2, reason: .cachePrefetched(tokens: 32))))
    #expect(try talk.step(free: 38, cached: 2).cache == nil)
  }

  @Test func computesWhatIsDearerToCopy() throws {
    var talk = Talk([.kvPrefetch], rule: .engine, blocks: 40, sequences: 1, tierBlocks: 100)
    talk.resources.hostLinkBytesPerS = 500
    talk.arrive(1, prompt: 20)
    talk.arrive(2, prompt: 100, keys: [1, 2, 3], tier: 96)
    let plan = try talk.step(free: 40, cached: 0)
    #expect(plan.cache?.prefetch.isEmpty ?? false)
  }

  /// Whoever is admitted at once has its prefix fetched too; the engine keeps it back until that is there.
  @Test func fetchesForWhoIsAdmitted() throws {
    var talk = Talk([.kvPrefetch], rule: .engine, blocks: 40, tierBlocks: 100)
    talk.arrive(1, prompt: 100, keys: [1, 2, 3], tier: 96)
    let plan = try talk.step(free: 40, cached: 0)
    #expect(plan.run.map(\.h) == [1])
    #expect(plan.cache?.prefetch == [1, 2, 3])
  }

  /// Eight blocks are free after the plan's work, two of them below the watermark: three units.
  @Test func fetchesNoMoreThanFits() throws {
    var talk = Talk([.kvPrefetch], rule: .engine, blocks: 20, sequences: 1, tierBlocks: 100)
    var policy = talk.core.policy
    policy.watermarkPpm = 100_000
    talk.core.setPolicy(policy)
    talk.arrive(1, prompt: 32)
    talk.arrive(2, prompt: 300, keys: [1, 2, 3, 4, 5, 6, 7, 8, 9], tier: 288)
    let plan = try talk.step(free: 10, cached: 0)
    #expect(plan.cache?.prefetch == [1, 2, 3])
  }

  /// An engine without the verbs, or without names, gets the plans of an engine that knows of neither.
  @Test func nothingChangesForOthers() throws {
    func plans(_ change: (inout EngineDescription) -> Void, _ rule: EvictionRule) throws -> [StepPlan] {
      var description = FaithfulEngine.description(blocks: 12)
      change(&description)
      var engine = FaithfulEngine(FaithfulEngine.description(blocks: 12))
      var policy = PolicyConfig.test()
      policy.eviction = rule
      var core = SchedulerCore(engine: description, policy: policy)
      for _ in 0..<5 { engine.arrive(prompt: 40, maxOutput: 8) }
      return try (0..<40).map { _ in
        try core.apply(engine.step())
        var plan = StepPlan()
        core.plan(resources: .unknown, into: &plan)
        engine.run(plan)
        return plan
      }
    }
    let plain = try plans({ _ in }, .engine)
    #expect(try plans({ _ in }, .reuseValue) == plain)
    #expect(try plans({ $0.prefixCache = .init(blockTokens: 32, tierBlocks: 4) }, .lru) == plain)
    #expect(try plans({ $0.capabilities.formUnion([.kvEvict, .kvPin, .kvPrefetch]) }, .lru) == plain)
  }
}
