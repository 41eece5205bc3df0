import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Plans that name prefixes, carried out by the reference engine in whole runs.
struct PrefixVerbsTests {
  /// Talks of several turns: each prompt is the one before it, the answer and something new. Blocks of 16 tokens.
  static func sessions(_ random: inout SeededRandom, talks: Int, turns: Int, everyUs: Int) -> [WorkloadRequest] {
    var requests: [WorkloadRequest] = []
    for talk in 0..<talks {
      var blocks: [UInt64] = []
      var atUs = Int64(Int.random(in: 0...(talks * everyUs), using: &random))
      for turn in 0..<turns {
        for _ in 0..<Int.random(in: 4...30, using: &random) {
          blocks.append(UInt64(talk + 1) << 32 | UInt64(blocks.count + 1))
        }
        var request = WorkloadRequest(
          id: "t\(talk)-\(turn)", arrivalUs: atUs, tenant: "t\(talk % 3)", classIndex: 1,
          promptTokens: blocks.count * 16 + Int.random(in: 1...15, using: &random),
          outputTokens: Int.random(in: 1...40, using: &random))
        request.prefixBlocks = blocks
        requests.append(request)
        atUs += Int64(Int.random(in: 200_000...3_000_000, using: &random))
      }
    }
    return requests.sorted { ($0.arrivalUs, $0.id) < ($1.arrivalUs, $1.id) }
  }

  private struct Outcome {
    var card: Scorecard
    var counts: CheckedLink.Counts
    var cache: PrefixCache
  }

  private func run(
    _ requests: [WorkloadRequest], _ prefix: PrefixOptions?, policy: PolicyConfig, kvTokens: Int, inFlight: Int = 1,
    note: String = ""
  ) throws -> Outcome {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var options = EngineOptions()
    options.kvCapacityTokens = kvTokens
    options.inFlightMax = inFlight
    options.prefix = prefix
    options.sequences = 6
    let link = CheckedLink(policy: policy, note: note)
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: ListWorkload(requests), link: link)
    let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
    return Outcome(card: card, counts: link.counts, cache: engine.queue.cache)
  }

  private func policy(_ rule: EvictionRule, preset: String = "vllm-v1") throws -> PolicyConfig {
    var policy = try #require(PolicyDocument.preset(preset)).config
    policy.eviction = rule
    return policy
  }

  /// Evictions, pins and prefetches really happen, are carried out, and say why.
  @Test func everyVerbIsUsed() throws {
    var random = SeededRandom(seed: 5)
    let requests = Self.sessions(&random, talks: 40, turns: 6, everyUs: 60_000)
    let prefix = PrefixOptions(
      verbs: [.kvEvict, .kvPin, .kvPrefetch], unitTokens: 64, tierBytes: 4_000_000_000, tierBytesPerS: 20e9)
    let outcome = try run(requests, prefix, policy: policy(.lru), kvTokens: 12_000, note: "seed 5")
    let counts = outcome.cache.counts
    #expect(outcome.card.requests == requests.count)
    #expect(outcome.counts.evict > 0 && outcome.counts.pin > 0 && outcome.counts.prefetch > 0)
    #expect(counts.planEvictedUnits == outcome.counts.evict && counts.planEvictedBlocks > 0)
    #expect(counts.pinnedUnits == outcome.counts.pin && outcome.counts.unpin > 0)
    #expect(counts.fetchedBlocks > 0 && counts.fetchedHitBlocks > 0 && counts.storedBlocks > 0)
    #expect(Set(outcome.counts.reasons.keys) == ["cache_evicted", "cache_pinned", "cache_prefetched"])
    let json = outcome.card.json["prefix_cache"]
    #expect(json?["evicted_by_plan_tokens"]?.integerValue == counts.planEvictedBlocks * 16)
    #expect(json?["prefetched_hit_tokens"]?.integerValue == counts.fetchedHitBlocks * 16)
    #expect(json?["hit_ratio"]?.doubleValue ?? 0 > 0)
  }

  /// Plans that evict by the engine's own rule find about as much as the engine, and the tier more than no tier.
  @Test func theRuleOfTheEngineIsWorthWhatItIsWorthThere() throws {
    var random = SeededRandom(seed: 6)
    let requests = Self.sessions(&random, talks: 60, turns: 6, everyUs: 100_000)
    func ratio(_ prefix: PrefixOptions?, _ rule: EvictionRule) throws -> Double {
      try #require(try run(requests, prefix, policy: policy(rule), kvTokens: 20_000, note: "seed 6").card.hitRatio)
    }
    let own = try ratio(nil, .engine)
    let planned = try ratio(PrefixOptions(verbs: [.kvEvict], unitTokens: 16), .lru)
    #expect(planned > own - 0.03)
    let tier = PrefixOptions(verbs: [.kvPrefetch], unitTokens: 64, tierBytes: 40_000_000_000)
    #expect(try ratio(tier, .engine) > own + 0.03)
  }

  /// Engines without names and with names and no verb that is used run the same iterations.
  @Test func namesAloneChangeNothing() throws {
    var random = SeededRandom(seed: 7)
    let requests = Self.sessions(&random, talks: 20, turns: 4, everyUs: 80_000)
    let plain = try run(requests, nil, policy: policy(.engine), kvTokens: 9_000)
    let named = try run(
      requests, PrefixOptions(verbs: [.kvEvict], unitTokens: 64), policy: policy(.engine), kvTokens: 9_000)
    #expect(named.counts.evict == 0)
    #expect(named.card.json == plain.card.json)
  }

  /// Random talks, verbs, rules, units and tiers: every request ends, no block is lost, plans keep their invariants,
  /// and the same run gives the same scorecard.
  @Test(arguments: 0..<24)
  func randomRunsKeepTheBooks(index: Int) throws {
    let seed = UInt64(9_000 + index)
    var random = SeededRandom(seed: seed)
    let requests = Self.sessions(
      &random, talks: Int.random(in: 5...20, using: &random), turns: 4,
      everyUs: Int.random(in: 10_000...200_000, using: &random))
    var verbs: Capabilities = []
    for verb in [Capabilities.kvEvict, .kvPin, .kvPrefetch] where Bool.random(using: &random) { verbs.insert(verb) }
    let prefix = PrefixOptions(
      verbs: verbs, unitTokens: [16, 32, 128][Int.random(in: 0...2, using: &random)],
      tierBytes: [0, 100_000_000, 5_000_000_000][Int.random(in: 0...2, using: &random)],
      tierBytesPerS: [1e9, 20e9][Int.random(in: 0...1, using: &random)])
    let rule = EvictionRule.allCases[Int.random(in: 0...3, using: &random)]
    let preset = ["vllm-v1", "balanced", "goodput", "exerciser", "srpt"][Int.random(in: 0...4, using: &random)]
    let kvTokens = Int.random(in: 4_000...12_000, using: &random)
    let note = "seed \(seed), \(preset), \(rule), \(prefix)"
    func once() throws -> Outcome {
      try run(
        requests, prefix, policy: policy(rule, preset: preset), kvTokens: kvTokens,
        inFlight: 1 + index % 2, note: note)
    }
    let outcome = try once()
    let counts = outcome.cache.counts
    #expect(outcome.card.requests == requests.count, "\(note)")
    #expect(outcome.cache.heldBlocks == 0 && outcome.cache.heldSharedBlocks == 0, "\(note)")
    #expect(outcome.cache.bookViolations() == [], "\(note)")
    #expect(counts.fetchedBlocks == counts.fetchedHitBlocks + counts.fetchedWastedBlocks, "\(note)")
    #expect(verbs.contains(.kvEvict) || outcome.counts.evict == 0, "\(note)")
    #expect(verbs.contains(.kvPin) || outcome.counts.pin == 0, "\(note)")
    #expect(verbs.contains(.kvPrefetch) || outcome.counts.prefetch == 0, "\(note)")
    #expect(try once().card.json == outcome.card.json, "\(note)")
  }
}
