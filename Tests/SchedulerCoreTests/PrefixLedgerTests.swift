import Foundation
import Testing

@testable import SchedulerCore

struct PrefixLedgerTests {
  private func use(_ ledger: inout PrefixLedger, _ keys: [UInt64], atS: Int64) -> Int {
    let path = ledger.begin(keys, nowUs: atS * 1_000_000)
    ledger.store(path, computedBlocks: keys.count)
    ledger.end(path, promptTokens: keys.count * 16, outputTokens: 100, nowUs: atS * 1_000_000)
    return path.cachedBlocks
  }

  private func evictAll(_ ledger: inout PrefixLedger, atS: Int64) -> [UInt64] {
    var keys: [UInt64] = []
    while let key = ledger.evict(nowUs: atS * 1_000_000) { keys.append(key) }
    return keys
  }

  /// The tail of the oldest prompt goes first; a shared block goes after every block behind it.
  @Test func leastRecentlyUsedByHand() {
    var ledger = PrefixLedger(eviction: .lru, blockTokens: 16)
    let hits = [use(&ledger, [1, 2, 3], atS: 1), use(&ledger, [1, 4], atS: 2), use(&ledger, [5], atS: 3)]
    #expect(hits == [0, 1, 0])
    #expect(ledger.cachedCount == 5)
    let gone = evictAll(&ledger, atS: 4)
    #expect(gone == [3, 2, 4, 1, 5])
    #expect(ledger.cachedCount == 0)
  }

  @Test func leastFrequentlyUsedByHand() {
    var ledger = PrefixLedger(eviction: .lfu, blockTokens: 16)
    _ = use(&ledger, [1], atS: 1)
    _ = use(&ledger, [1], atS: 2)
    _ = use(&ledger, [2], atS: 3)
    _ = use(&ledger, [3], atS: 4)
    let gone = evictAll(&ledger, atS: 5)
    #expect(gone == [2, 3, 1])
  }

  /// What a live request has in its prompt stays, and so does everything in front of it.
  @Test func blocksInUseStay() {
    var ledger = PrefixLedger(eviction: .lru, blockTokens: 16)
    _ = use(&ledger, [1, 2, 3], atS: 1)
    let path = ledger.begin([1, 2], nowUs: 2_000_000)
    #expect(path.cachedBlocks == 2)
    #expect(ledger.heldCount == 2)
    let gone = evictAll(&ledger, atS: 3)
    #expect(gone == [3])
    ledger.end(path, promptTokens: 32, outputTokens: 100, nowUs: 4_000_000)
    let rest = evictAll(&ledger, atS: 5)
    #expect(rest == [2, 1])
  }

  /// The engine's own figure of what it has wins.
  @Test func corrected() {
    var ledger = PrefixLedger(eviction: .lru, blockTokens: 16)
    _ = use(&ledger, [1, 2, 3], atS: 1)
    var path = ledger.begin([1, 2, 3], nowUs: 2_000_000)
    ledger.correct(&path, cachedBlocks: 1)
    #expect(path.cachedBlocks == 1)
    #expect(ledger.cachedCount == 1)
    #expect(!ledger.isCached(2))
    ledger.end(path, promptTokens: 48, outputTokens: 100, nowUs: 3_000_000)
    let gone = evictAll(&ledger, atS: 4)
    #expect(gone == [1])
  }

  /// Keys that are no chain end a path where that shows, so that no block stands behind itself.
  @Test func keysThatAreNoChain() {
    var ledger = PrefixLedger(eviction: .lru, blockTokens: 16)
    let first = ledger.begin([1, 2, 1, 3], isChecked: true, nowUs: 1)
    let second = ledger.begin([2, 1], isChecked: true, nowUs: 2)
    #expect(first.slots.count == 2 && second.slots.isEmpty)
    #expect(ledger.knownCount == 2)
  }

  /// What was given up is there after all; what was believed is not.
  @Test func takenBack() {
    var ledger = PrefixLedger(eviction: .lru, blockTokens: 16)
    _ = use(&ledger, [1, 2, 3], atS: 1)
    let gone = [ledger.evict(nowUs: 2_000_000), ledger.evict(nowUs: 2_000_000)]
    #expect(gone == [3, 2])
    for key: UInt64 in [2, 3] { ledger.restore(key) }
    #expect(ledger.cachedCount == 3)
    ledger.forget(3)
    let rest = evictAll(&ledger, atS: 3)
    #expect(rest == [2, 1])
  }

  /// Under another rule everything that is cached can still go, and what is in use still stays.
  @Test(arguments: CacheEviction.allCases, CacheEviction.allCases)
  func anotherRule(first: CacheEviction, second: CacheEviction) {
    var ledger = PrefixLedger(eviction: first, blockTokens: 16)
    _ = use(&ledger, [1, 2, 3], atS: 1)
    _ = use(&ledger, [7, 8], atS: 2)
    let path = ledger.begin([7], nowUs: 3_000_000)
    let before = ledger.evict(nowUs: 3_000_000)
    ledger.setEviction(second)
    #expect(ledger.eviction == second && ledger.isHeld(7))
    let gone = ([before].compactMap { $0 } + evictAll(&ledger, atS: 4)).sorted()
    #expect(gone == [1, 2, 3, 8])
    ledger.end(path, promptTokens: 16, outputTokens: 1, nowUs: 5_000_000)
    let rest = evictAll(&ledger, atS: 6)
    #expect(rest == [7])
  }

  /// Random uses: counts add up, memory stays within its limit, and a copy from its own encoding goes on in the same way.
  @Test(arguments: CacheEviction.allCases, [1, 2, 3])
  func boundedAndRepeatable(eviction: CacheEviction, seed: Int) throws {
    var random = SplitMix64(UInt64(seed))
    var ledger = PrefixLedger(eviction: eviction, blockTokens: 16, attentionTokens: 1_024, blocksMax: 64)
    var copy = ledger
    for turn in 0..<600 {
      let family = UInt64(1 + random.below(30)) << 32
      let keys = (0..<UInt64(1 + random.below(8))).map { family | $0 }
      let nowS = Int64(turn * 3)
      let hits = use(&ledger, keys, atS: nowS)
      let sameHits = use(&copy, keys, atS: nowS)
      #expect(hits == sameHits, "seed \(seed), turn \(turn)")
      while ledger.cachedCount > 40 {
        let key = ledger.evict(nowUs: nowS * 1_000_000)
        let same = copy.evict(nowUs: nowS * 1_000_000)
        #expect(same == key, "seed \(seed), turn \(turn)")
        guard let key else { break }
        #expect(!ledger.isCached(key))
      }
      #expect(ledger.blocks.lazy.filter(\.isCached).count == ledger.cachedCount)
      #expect(ledger.cachedCount <= 40 && ledger.knownCount <= 128, "seed \(seed)")
      #expect(ledger.heldCount == 0)
      if turn % 150 == 0 { copy = try JSONDecoder().decode(PrefixLedger.self, from: JSONEncoder().encode(ledger)) }
    }
  }
}
