/// KV blocks of one pool with prefix sharing: blocks whose contents are known by identity are shared while held and
/// stay cached, evictable, least recently used first, when nobody holds them any more (as vLLM V1's prefix cache).
struct PrefixCache {
  private struct Entry {
    var holders: Int
    var lastUse: UInt64
  }

  let totalBlocks: Int
  /// Blocks that somebody holds, shared ones counted once.
  private(set) var heldBlocks = 0
  /// Those of them whose contents are known by identity.
  private(set) var heldSharedBlocks = 0
  private var entries: [UInt64: Entry] = [:]
  /// Blocks that nobody holds, oldest first; an item whose `lastUse` is outdated is skipped.
  private var evictable: [(key: UInt64, lastUse: UInt64)] = []
  private var evictableHead = 0
  private var evictableBlocks = 0
  /// Outdated items in line before they are dropped, beside as many again as there are blocks in line.
  static let outdatedMax = 4_096
  private var tick: UInt64 = 0

  init(totalBlocks: Int) { self.totalBlocks = totalBlocks }

  /// Free blocks, evictable cached ones included: what `kv_free_blocks` reports.
  var freeBlocks: Int { totalBlocks - heldBlocks }

  /// How many of the leading keys are cached.
  func hitCount(_ keys: ArraySlice<UInt64>) -> Int {
    var count = 0
    for key in keys {
      guard entries[key] != nil else { break }
      count += 1
    }
    return count
  }

  /// Free blocks that are left for new content once the cached `keys` are held.
  func freeBlocks(afterHolding keys: ArraySlice<UInt64>) -> Int {
    var free = freeBlocks
    for key in keys where entries[key]?.holders == 0 { free -= 1 }
    return free
  }

  /// Holds one cached block more.
  mutating func hold(_ key: UInt64) {
    guard var entry = entries[key] else { return }
    if entry.holders == 0 {
      heldBlocks += 1
      heldSharedBlocks += 1
      evictableBlocks -= 1
    }
    entry.holders += 1
    entries[key] = entry
  }

  /// Takes new blocks of private content, evicting cached ones where needed. The caller checked `freeBlocks`.
  mutating func takePrivate(_ count: Int) {
    heldBlocks += count
    while heldBlocks + evictableBlocks > totalBlocks { evictOldest() }
  }

  mutating func releasePrivate(_ count: Int) { heldBlocks -= count }

  /// A private block became full and its identity is `key`. True when it is shared from now on; false when the same
  /// content is cached already, and the block stays private.
  mutating func publish(_ key: UInt64) -> Bool {
    guard entries[key] == nil else { return false }
    entries[key] = Entry(holders: 1, lastUse: 0)
    heldSharedBlocks += 1
    return true
  }

  mutating func releaseShared(_ key: UInt64) {
    guard var entry = entries[key] else { return }
    entry.holders -= 1
    if entry.holders == 0 {
      tick += 1
      entry.lastUse = tick
      heldBlocks -= 1
      heldSharedBlocks -= 1
      evictableBlocks += 1
      evictable.append((key, tick))
    }
    entries[key] = entry
    if queuedEvictions > 2 * evictableBlocks + Self.outdatedMax { dropOutdated() }
  }

  /// Items waiting in line for eviction, outdated ones included.
  var queuedEvictions: Int { evictable.count - evictableHead }

  /// A block that is held and released again and again leaves an outdated item each time; where nothing is ever
  /// evicted, nothing else would take them out.
  private mutating func dropOutdated() {
    evictable.removeFirst(evictableHead)
    evictableHead = 0
    evictable.removeAll { item in
      guard let entry = entries[item.key] else { return true }
      return entry.holders > 0 || entry.lastUse != item.lastUse
    }
  }

  private mutating func evictOldest() {
    while evictableHead < evictable.count {
      let oldest = evictable[evictableHead]
      evictableHead += 1
      guard let entry = entries[oldest.key], entry.holders == 0, entry.lastUse == oldest.lastUse else { continue }
      entries[oldest.key] = nil
      evictableBlocks -= 1
      break
    }
    if evictableHead > 1_024, evictableHead * 2 > evictable.count {
      evictable.removeFirst(evictableHead)
      evictableHead = 0
    }
  }
}
