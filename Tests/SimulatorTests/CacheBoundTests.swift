import Glibc
import Testing

@testable import SchedulerCore
@testable import Simulator

struct CacheBoundTests {
  private func request(_ index: Int, _ blocks: [UInt64], lastTokens: Int = 10) -> WorkloadRequest {
    var request = WorkloadRequest(
      id: "\(index)", arrivalUs: Int64(index), tenant: "t", classIndex: 0,
      promptTokens: (blocks.count - 1) * 10 + lastTokens, outputTokens: 1)
    request.prefixBlocks = blocks
    request.prefixBlockTokens = 10
    return request
  }

  private func bound(_ prompts: [[UInt64]]) throws -> CacheBound {
    try CacheBound(ListWorkload(prompts.enumerated().map { request($0.offset, $0.element) }))
  }

  /// Three families of one block each, in turn, and room for two blocks: what was used least recently always comes
  /// next, so that nothing is found; four of the six that come again can be.
  @Test func byHand() throws {
    let bound = try bound([[1], [2], [3], [1], [2], [3], [1], [2], [3]])
    #expect(abs(bound.infiniteHitRatio - 6 / 9) < 1e-12)
    #expect(bound.lruHitRatio(capacityTokens: 20) == 0)
    #expect(abs(bound.beladyHitRatio(capacityTokens: 20) - 4 / 9) < 1e-12)
    #expect(bound.beladyHitRatio(capacityTokens: 30) == bound.infiniteHitRatio)
    #expect(bound.lruHitRatio(capacityTokens: 30) == bound.infiniteHitRatio)
    #expect(bound.beladyHitRatio(capacityTokens: 0) == 0)
  }

  /// A block behind one that is gone is of no use; half a block counts for its tokens.
  @Test func onlyPrefixesCount() throws {
    let bound = try CacheBound(
      ListWorkload([
        request(0, [1, 2, 3], lastTokens: 5), request(1, [1, 9, 3]), request(2, [1, 2, 3], lastTokens: 5),
      ]))
    // 80 tokens; the second finds 10 and the third 25.
    #expect(abs(bound.infiniteHitRatio - 35 / 80) < 1e-12)
    #expect(bound.hasBlocks)
    #expect(try !CacheBound(ListWorkload([request(0, [])])).hasBlocks)
  }

  /// Belady against every possible way of keeping blocks, on small random sequences of single blocks.
  @Test(arguments: 0..<30)
  func nothingBeatsBelady(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let prompts = (0..<9).map { _ in [UInt64.random(in: 1...4, using: &random)] }
    let bound = try bound(prompts)
    let best = Self.mostHits(prompts.map { $0[0] }[...], kept: [], room: 2)
    #expect(Int((bound.beladyHitRatio(capacityTokens: 20) * 9).rounded()) == best, "seed \(seed)")
    #expect(bound.lruHitRatio(capacityTokens: 20) <= bound.beladyHitRatio(capacityTokens: 20), "seed \(seed)")
  }

  /// The core's own LRU evicts exactly what the bound's does, and nothing beats Belady, on random trees of prompts.
  @Test(arguments: 0..<20)
  func policiesOfTheCore(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let prompts = (0..<60).map { _ in
      var blocks: [UInt64] = []
      for depth in 0..<Int.random(in: 1...4, using: &random) {
        blocks.append(
          (blocks.last ?? 0) * 4 + UInt64.random(in: 1...3, using: &random) + UInt64(depth == 0 ? 0 : 1) * 100)
      }
      return blocks
    }
    let bound = try bound(prompts)
    for capacity in [0, 30, 80, 200] {
      let lru = bound.hitRatio(.lru, capacityTokens: capacity)
      #expect(lru == bound.lruHitRatio(capacityTokens: capacity), "seed \(seed), \(capacity)")
      for eviction in CacheEviction.allCases {
        let ratio = bound.hitRatio(eviction, capacityTokens: capacity)
        #expect(ratio <= bound.beladyHitRatio(capacityTokens: capacity), "seed \(seed), \(eviction)")
      }
    }
    #expect(bound.hitRatio(.reuseValue, capacityTokens: 1 << 30) == bound.infiniteHitRatio, "seed \(seed)")
  }

  /// Conversations that come back among documents that nobody reads twice: what is learned about both kinds keeps the
  /// conversations where recency alone keeps neither.
  @Test func reuseValueLearnsWhatComesBack() throws {
    var prompts: [[UInt64]] = []
    for round in 0..<400 {
      let talk = UInt64(round % 40)
      let turn = UInt64(round / 40)
      prompts.append((0...turn).map { 1_000 * (talk + 1) + $0 })
      prompts.append((0..<6).map { 1_000_000 + UInt64(round) * 10 + $0 })
    }
    let bound = try CacheBound(
      ListWorkload(
        prompts.enumerated().map { index, blocks in
          var request = request(index, blocks)
          request.arrivalUs = Int64(index) * 1_000_000
          return request
        }))
    let lru = bound.hitRatio(.lru, capacityTokens: 3_000)
    let reuse = bound.hitRatio(.reuseValue, capacityTokens: 3_000)
    #expect(reuse > 1.3 * lru, "\(reuse) against \(lru)")
    #expect(bound.footprintTokens == Set(prompts.flatMap { $0 }).count * 10)
  }

  /// Prompts of one length, half of them answered at length and asked again, half briefly and never again: the answer
  /// tells them apart.
  @Test func reuseValueLearnsFromAnswers() throws {
    var requests: [WorkloadRequest] = []
    for round in 0..<1_200 {
      let isLong = round % 2 == 0
      let blocks = (0..<4).map { UInt64(round) * 10 + $0 }
      for turn in 0..<(isLong ? 2 : 1) {
        var request = request(requests.count, blocks)
        request.arrivalUs = Int64(round + turn * 60) * 1_000_000
        request.outputTokens = isLong ? 300 : 10
        requests.append(request)
      }
    }
    requests.sort { ($0.arrivalUs, $0.id) < ($1.arrivalUs, $1.id) }
    let bound = try CacheBound(ListWorkload(requests))
    // Room for some 40 s of everything, or 60 s of what comes back and little else.
    let lru = bound.hitRatio(.lru, capacityTokens: 2_000)
    let reuse = bound.hitRatio(.reuseValue, capacityTokens: 2_000)
    #expect(lru < 0.01, "\(lru)")
    #expect(reuse > 0.8 * bound.beladyHitRatio(capacityTokens: 2_000), "\(reuse)")
  }

  private static func mostHits(_ blocks: ArraySlice<UInt64>, kept: Set<UInt64>, room: Int) -> Int {
    guard let block = blocks.first else { return 0 }
    let rest = blocks.dropFirst()
    let hit = kept.contains(block) ? 1 : 0
    let all = kept.union([block])
    guard all.count > room else { return hit + mostHits(rest, kept: all, room: room) }
    return hit + (all.map { mostHits(rest, kept: all.subtracting([$0]), room: room) }.max() ?? 0)
  }

  /// 37.4 % of tokens, computed apart from this code (shared/traces/README.md).
  @Test(.enabled(if: access(TraceData.mooncake, R_OK) == 0))
  func mooncakeConversation() throws {
    let bound = try CacheBound(TraceWorkload(path: TraceData.mooncake, mix: .standard))
    #expect(abs(bound.infiniteHitRatio - 0.374) < 0.0006, "\(bound.infiniteHitRatio)")
    var last = 0.0
    for capacityTokens in [426_483, 4_000_000, 40_000_000] {
      let belady = bound.beladyHitRatio(capacityTokens: capacityTokens)
      let lru = bound.lruHitRatio(capacityTokens: capacityTokens)
      #expect(lru <= belady && belady <= bound.infiniteHitRatio + 1e-12, "\(lru) \(belady)")
      #expect(belady >= last)
      last = belady
    }
  }

  /// What Docs/benchmarks.md says of 10 % of the footprint.
  @Test(.enabled(if: access(TraceData.mooncake, R_OK) == 0))
  func mooncakeReuseValue() throws {
    let bound = try CacheBound(TraceWorkload(path: TraceData.mooncake, mix: .standard))
    let capacity = bound.footprintTokens / 10
    let ofBelady =
      bound.hitRatio(.reuseValue, capacityTokens: capacity) / bound.beladyHitRatio(capacityTokens: capacity)
    #expect(abs(ofBelady - 0.82) < 0.005, "\(ofBelady)")
  }
}
