import Testing

@testable import Simulator

struct PrefixCacheTests {
  @Test func aReleasedBlockStaysCachedAndCountsAsFree() {
    var cache = PrefixCache(totalBlocks: 4)
    cache.takePrivate(2)
    let published = [cache.publish(10), cache.publish(11), cache.publish(10)]
    #expect(published == [true, true, false])
    #expect(cache.freeBlocks == 2)
    cache.releaseShared(11)
    cache.releaseShared(10)
    #expect(cache.freeBlocks == 4)
    #expect(cache.hitCount([10, 11, 12]) == 2)
    #expect(cache.freeBlocks(afterHolding: [10, 11]) == 2)
    cache.hold(10)
    cache.hold(10)
    #expect(cache.heldBlocks == 1)
    cache.releaseShared(10)
    #expect(cache.heldBlocks == 1)
  }

  @Test func evictionTakesTheLeastRecentlyReleased() {
    var cache = PrefixCache(totalBlocks: 3)
    for key: UInt64 in [1, 2, 3] {
      cache.takePrivate(1)
      _ = cache.publish(key)
    }
    for key: UInt64 in [2, 1, 3] { cache.releaseShared(key) }
    cache.hold(2)
    cache.releaseShared(2)
    cache.takePrivate(1)
    #expect(cache.hitCount([1]) == 0)
    #expect(cache.hitCount([2]) == 1 && cache.hitCount([3]) == 1)
    cache.takePrivate(1)
    #expect(cache.hitCount([3]) == 0 && cache.hitCount([2]) == 1)
  }

  @Test(arguments: 0..<20)
  func blocksAreConserved(index: Int) {
    let seed = UInt64(700 + index)
    var random = SeededRandom(seed: seed)
    var cache = PrefixCache(totalBlocks: 40)
    var holders: [[UInt64]] = []
    for _ in 0..<2_000 {
      if Bool.random(using: &random), cache.freeBlocks > 8 {
        let family = UInt64.random(in: 0..<6, using: &random)
        let keys = (0..<UInt64.random(in: 1...6, using: &random)).map { family << 8 | $0 }
        let hits = cache.hitCount(keys[...])
        for key in keys[..<hits] { cache.hold(key) }
        for key in keys[hits...] {
          cache.takePrivate(1)
          let isNew = cache.publish(key)
          #expect(isNew, "seed \(seed)")
        }
        holders.append(keys)
      } else if let position = holders.indices.randomElement(using: &random) {
        for key in holders.remove(at: position).reversed() { cache.releaseShared(key) }
      }
      #expect(cache.heldBlocks == Set(holders.joined()).count, "seed \(seed)")
      #expect(cache.freeBlocks >= 0, "seed \(seed)")
    }
  }

  /// A prefix that everybody shares is held and released 100,000 times and never evicted: the line for eviction stays
  /// short, and the order in it stays that of last use.
  @Test func whatIsNeverEvictedTakesNoMoreMemory() {
    var cache = PrefixCache(totalBlocks: 4)
    for key in [1, 2] as [UInt64] {
      cache.takePrivate(1)
      _ = cache.publish(key)
      cache.releaseShared(key)
    }
    for _ in 0..<100_000 {
      cache.hold(1)
      cache.releaseShared(1)
      #expect(cache.queuedEvictions <= PrefixCache.outdatedMax + 8)
    }
    // 2 was used before 1 was: it goes first.
    cache.takePrivate(3)
    #expect(cache.hitCount([1]) == 1)
    #expect(cache.hitCount([2]) == 0)
  }
}
