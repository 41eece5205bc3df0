import Testing

@testable import Simulator

/// What the reference engine's cache does with named units, worked out by hand.
struct PrefixUnitsTests {
  /// A prompt of blocks `keys`, computed and left.
  private func store(_ cache: inout PrefixCache, _ keys: [UInt64]) {
    for (position, key) in keys.enumerated() {
      if cache.hitCount([key]) == 1 {
        cache.hold(key)
        continue
      }
      cache.takePrivate(1)
      _ = cache.publish(key, after: position > 0 ? keys[position - 1] : nil)
    }
    for key in keys.reversed() { cache.releaseShared(key) }
  }

  /// Units of two blocks, and a fifth block behind them that has no name of its own.
  @Test func aUnitGoesWithWhatIsBehindIt() {
    var cache = PrefixCache(totalBlocks: 10, unitBlocks: 2)
    store(&cache, [1, 2, 3, 4, 5])
    cache.evict(unit: 4)
    #expect(cache.hitCount([1, 2, 3]) == 2)
    #expect(cache.evictableBlocks == 2 && cache.freeBlocks == 10)
    #expect(cache.counts.planEvictedBlocks == 3 && cache.counts.planEvictedUnits == 1)
    cache.evict(unit: 4)
    #expect(cache.counts.missedUnits == 1 && cache.counts.planEvictedBlocks == 3)
    #expect(cache.bookViolations() == [])
  }

  @Test func whatIsHeldStays() {
    var cache = PrefixCache(totalBlocks: 10, unitBlocks: 2)
    store(&cache, [1, 2, 3, 4])
    for key: UInt64 in [1, 2, 3] { cache.hold(key) }
    // Its second block is free to go, its first is not.
    cache.evict(unit: 4)
    #expect(cache.hitCount([1, 2, 3, 4]) == 3)
    cache.evict(unit: 2)
    #expect(cache.hitCount([1, 2, 3]) == 3 && cache.counts.missedUnits == 1)
  }

  @Test func pinnedBlocksGoLast() {
    var cache = PrefixCache(totalBlocks: 4, unitBlocks: 1)
    store(&cache, [1])
    store(&cache, [2])
    store(&cache, [3])
    cache.pin(unit: 1)
    cache.takePrivate(2)
    // 2 is older than 3, and 1, the oldest, is pinned.
    #expect(cache.hitCount([1]) == 1 && cache.hitCount([2]) == 0 && cache.hitCount([3]) == 1)
    cache.takePrivate(1)
    #expect(cache.hitCount([1]) == 1 && cache.hitCount([3]) == 0)
    // Nothing else is left.
    cache.takePrivate(1)
    #expect(cache.hitCount([1]) == 0 && cache.counts.pinnedEvictedBlocks == 1)
    #expect(cache.bookViolations() == [])
  }

  @Test func anUnpinnedBlockStandsWhereItStood() {
    var cache = PrefixCache(totalBlocks: 3, unitBlocks: 1)
    store(&cache, [1])
    cache.pin(unit: 1)
    store(&cache, [2])
    cache.unpin(unit: 1)
    cache.takePrivate(2)
    #expect(cache.hitCount([1]) == 0 && cache.hitCount([2]) == 1)
  }

  /// Blocks of 100 bytes over a link of 100 bytes in 1,000 us.
  private func tiered(_ blocks: Int, tierBlocks: Int = 8) -> PrefixCache {
    PrefixCache(
      totalBlocks: blocks, unitBlocks: 2,
      tier: PrefixTier(bytes: tierBlocks * 100, blockBytes: 100, bytesPerS: 100_000))
  }

  @Test func whatLeavesComesBackWhenTheLinkHasBroughtIt() {
    var cache = tiered(6)
    store(&cache, [1, 2, 3, 4])
    cache.evict(unit: 2)
    #expect(cache.hitCount([1]) == 0 && cache.tierCount([1, 2, 3, 4]) == 4 && cache.counts.storedBlocks == 4)
    cache.fetch(units: [2, 4], reserve: 0, nowUs: 500)
    // On its way it takes room and cannot be found.
    #expect(cache.hitCount([1, 2]) == 0 && cache.freeBlocks == 2)
    #expect(cache.landing([1, 2]) == 4_500 && cache.nextLandingUs == 4_500)
    cache.settleTransfers(nowUs: 4_499)
    #expect(cache.hitCount([1, 2]) == 0)
    cache.settleTransfers(nowUs: 4_500)
    #expect(cache.hitCount([1, 2, 3, 4]) == 4 && cache.freeBlocks == 6)
    cache.hold(1)
    #expect(cache.counts.fetchedBlocks == 4 && cache.counts.fetchedHitBlocks == 1)
    cache.releaseShared(1)
    cache.close()
    #expect(cache.counts.fetchedWastedBlocks == 3 && cache.counts.fetchUs == 4_000)
    #expect(cache.bookViolations() == [])
  }

  /// The second transfer waits for the first; what is in the cache stays there while blocks behind it are on their way.
  @Test func transfersTakeTurns() {
    var cache = tiered(8)
    store(&cache, [1, 2, 3, 4])
    store(&cache, [7, 8])
    cache.evict(unit: 4)
    cache.evict(unit: 8)
    cache.fetch(units: [4], reserve: 0, nowUs: 0)
    cache.fetch(units: [8], reserve: 0, nowUs: 100)
    #expect(cache.landing([1, 2, 3]) == 2_000 && cache.landing([7]) == 4_000)
    // Four blocks are on their way and two in front of them are held for them.
    #expect(cache.freeBlocks == 2)
    cache.settleTransfers(nowUs: 4_000)
    #expect(cache.hitCount([1, 2, 3, 4]) == 4 && cache.hitCount([7, 8]) == 2 && cache.freeBlocks == 8)
  }

  @Test func aFetchTakesOnlyWhatIsLeft() {
    var cache = tiered(6)
    store(&cache, [1, 2, 3, 4])
    cache.evict(unit: 2)
    cache.fetch(units: [2, 4], reserve: 3, nowUs: 0)
    #expect(cache.counts.fetchedBlocks == 2 && cache.freeBlocks == 4)
    // Neither in the cache nor in the tier.
    cache.fetch(units: [99], reserve: 0, nowUs: 0)
    #expect(cache.counts.fetchedBlocks == 2)
  }

  /// The tier gives up what was stored first, and its room shrinks with the host's memory.
  @Test func theTierIsBounded() {
    var tier = PrefixTier(bytes: 300, blockBytes: 100, bytesPerS: 1)
    // 1 is there when it comes again, and is the latest then.
    let copied = ([1, 2, 3, 1, 4] as [UInt64]).map { tier.add($0, parent: nil) }
    #expect(copied == [true, true, true, false, true])
    #expect(tier.contains(1) && !tier.contains(2) && tier.contains(3) && tier.count == 3)
    tier.limit(toShare: 0.34)
    #expect(tier.count == 1 && tier.contains(4))
    tier.limit(toShare: 0)
    let isCopied = tier.add(5, parent: nil)
    #expect(!isCopied && tier.count == 0)
  }
}
