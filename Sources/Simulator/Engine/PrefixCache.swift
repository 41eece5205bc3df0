import SchedulerCore

/// KV blocks of one pool with prefix sharing: blocks whose contents are known by identity are shared while held and
/// stay cached, evictable, least recently used first, when nobody holds them any more (as vLLM V1's prefix cache).
///
/// Plans may evict named units of several blocks, pin them, and bring them back from a slower tier. Pins are soft:
/// where nothing else is left, pinned blocks go too.
struct PrefixCache {
  private struct Entry {
    var key: UInt64
    var parentKey: UInt64?
    /// Slots of its neighbours in the tree of prompts; -1 for none.
    var parent: Int32 = -1
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
    var previousSibling: Int32 = -1
    var holders: Int32 = 0
    var lastUse: UInt64 = 0
    var isPinned = false
    /// It came back from the slower tier, and nobody has found it yet.
    var isUnused = false
    /// When it will be there; 0 for what is.
    var landsUs: Int64 = 0
  }

  /// Blocks on their way back, with those in front of them, which stay until then.
  private struct Transfer {
    var endUs: Int64
    var slots: [Int32]
    /// How many of them are on their way: the last ones.
    var landing: Int
  }

  let totalBlocks: Int
  /// Blocks of one named unit.
  private let unitBlocks: Int
  /// Blocks that somebody holds, shared ones counted once.
  private(set) var heldBlocks = 0
  /// Those of them whose contents are known by identity.
  private(set) var heldSharedBlocks = 0
  /// Cached blocks that nobody holds.
  private(set) var evictableBlocks = 0
  private(set) var counts = PrefixCounts()
  private(set) var tier: PrefixTier?
  private var entries: ContiguousArray<Entry> = []
  private var freeSlots: [Int32] = []
  private var index: [UInt64: Int32] = [:]
  private var idle = TickHeap()
  private var idlePinned = TickHeap()
  private var transfers: [Transfer] = []
  private var linkFreeUs: Int64 = 0
  /// Outdated items in line before they are dropped, beside as many again as there are blocks in line.
  static let outdatedMax = 4_096
  private var tick: UInt64 = 0

  init(totalBlocks: Int, unitBlocks: Int = 1, tier: PrefixTier? = nil) {
    self.totalBlocks = totalBlocks
    self.unitBlocks = unitBlocks
    self.tier = tier
  }

  /// Free blocks, evictable cached ones included: what `kv_free_blocks` reports.
  var freeBlocks: Int { totalBlocks - heldBlocks }

  private func isThere(_ key: UInt64) -> Bool { index[key].map { entries[Int($0)].landsUs == 0 } ?? false }

  /// How many of the leading keys are cached.
  func hitCount(_ keys: ArraySlice<UInt64>) -> Int { keys.prefix { isThere($0) }.count }

  /// How many of the leading keys the slower tier holds.
  func tierCount(_ keys: ArraySlice<UInt64>) -> Int {
    guard let tier else { return 0 }
    return keys.prefix { tier.contains($0) }.count
  }

  /// Free blocks that are left for new content once the cached `keys` are held.
  func freeBlocks(afterHolding keys: ArraySlice<UInt64>) -> Int {
    var free = freeBlocks
    for key in keys where index[key].map({ entries[Int($0)].holders == 0 }) ?? false { free -= 1 }
    return free
  }

  // MARK: - Holding

  /// Holds one cached block more, which a request has found.
  mutating func hold(_ key: UInt64) {
    guard let slot = index[key].map(Int.init) else { return }
    hold(slot)
    guard entries[slot].isUnused else { return }
    entries[slot].isUnused = false
    counts.fetchedHitBlocks += 1
  }

  private mutating func hold(_ slot: Int) {
    if entries[slot].holders == 0 {
      heldBlocks += 1
      heldSharedBlocks += 1
      evictableBlocks -= 1
    }
    entries[slot].holders += 1
  }

  /// Takes new blocks of private content, evicting cached ones where needed. The caller checked `freeBlocks`.
  mutating func takePrivate(_ count: Int) {
    heldBlocks += count
    makeRoom()
  }

  private mutating func makeRoom() {
    while heldBlocks + evictableBlocks > totalBlocks { evictOldest() }
  }

  mutating func releasePrivate(_ count: Int) { heldBlocks -= count }

  /// A private block became full and its identity is `key`. True when it is shared from now on; false when the same
  /// content is cached already, and the block stays private.
  /// - Parameter parent: the block in front of it; nil for a prompt's first.
  mutating func publish(_ key: UInt64, after parent: UInt64? = nil) -> Bool {
    guard index[key] == nil else { return false }
    let slot = insert(key, after: parent)
    entries[slot].holders = 1
    heldSharedBlocks += 1
    return true
  }

  private mutating func insert(_ key: UInt64, after parentKey: UInt64?) -> Int {
    let slot: Int
    if let reused = freeSlots.popLast() {
      slot = Int(reused)
      entries[slot] = Entry(key: key, parentKey: parentKey)
    } else {
      slot = entries.count
      entries.append(Entry(key: key, parentKey: parentKey))
    }
    index[key] = Int32(slot)
    guard let parent = parentKey.flatMap({ index[$0] }) else { return slot }
    let sibling = entries[Int(parent)].firstChild
    entries[slot].parent = parent
    entries[slot].nextSibling = sibling
    if sibling >= 0 { entries[Int(sibling)].previousSibling = Int32(slot) }
    entries[Int(parent)].firstChild = Int32(slot)
    return slot
  }

  mutating func releaseShared(_ key: UInt64) {
    guard let slot = index[key].map(Int.init) else { return }
    release(slot)
  }

  private mutating func release(_ slot: Int) {
    entries[slot].holders -= 1
    guard entries[slot].holders == 0 else { return }
    tick += 1
    entries[slot].lastUse = tick
    heldBlocks -= 1
    heldSharedBlocks -= 1
    evictableBlocks += 1
    line(slot)
  }

  // MARK: - The line for eviction

  private mutating func line(_ slot: Int) {
    let item = TickHeap.Entry(tick: entries[slot].lastUse, slot: Int32(slot))
    if entries[slot].isPinned { idlePinned.add(item) } else { idle.add(item) }
    // A block that is held and released again and again leaves an outdated item each time; where nothing is ever
    // evicted, nothing else would take them out.
    guard queuedEvictions > 2 * evictableBlocks + Self.outdatedMax else { return }
    var (plain, pinned) = (TickHeap(), TickHeap())
    swap(&plain, &idle)
    swap(&pinned, &idlePinned)
    plain.keep { isCurrent($0, pinned: false) }
    pinned.keep { isCurrent($0, pinned: true) }
    swap(&plain, &idle)
    swap(&pinned, &idlePinned)
  }

  /// Items waiting in line for eviction, outdated ones included.
  var queuedEvictions: Int { idle.count + idlePinned.count }

  private func isCurrent(_ item: TickHeap.Entry, pinned: Bool) -> Bool {
    let entry = entries[Int(item.slot)]
    return entry.holders == 0 && entry.lastUse == item.tick && entry.isPinned == pinned
  }

  private mutating func evictOldest() {
    while let oldest = idle.first {
      idle.removeFirst()
      guard isCurrent(oldest, pinned: false) else { continue }
      counts.engineEvictedBlocks += drop(Int(oldest.slot))
      return
    }
    while let oldest = idlePinned.first {
      idlePinned.removeFirst()
      guard isCurrent(oldest, pinned: true) else { continue }
      let dropped = drop(Int(oldest.slot))
      counts.engineEvictedBlocks += dropped
      counts.pinnedEvictedBlocks += dropped
      return
    }
  }

  /// Takes a block out that nobody holds, with everything behind it that nobody holds: without it that is of no use.
  /// Returns the blocks.
  private mutating func drop(_ first: Int) -> Int {
    var stack = [first]
    var dropped = 0
    unlink(first)
    while let slot = stack.popLast() {
      var child = entries[slot].firstChild
      while child >= 0 {
        let next = entries[Int(child)].nextSibling
        entries[Int(child)].parent = -1
        entries[Int(child)].nextSibling = -1
        entries[Int(child)].previousSibling = -1
        if entries[Int(child)].holders == 0 { stack.append(Int(child)) }
        child = next
      }
      let entry = entries[slot]
      if entry.isUnused { counts.fetchedWastedBlocks += 1 }
      if tier?.add(entry.key, parent: entry.parentKey) ?? false { counts.storedBlocks += 1 }
      index[entry.key] = nil
      // Items in line that mean it are outdated from now on.
      entries[slot] = Entry(key: 0)
      freeSlots.append(Int32(slot))
      evictableBlocks -= 1
      dropped += 1
    }
    return dropped
  }

  private mutating func unlink(_ slot: Int) {
    let entry = entries[slot]
    if entry.previousSibling >= 0 {
      entries[Int(entry.previousSibling)].nextSibling = entry.nextSibling
    } else if entry.parent >= 0 {
      entries[Int(entry.parent)].firstChild = entry.nextSibling
    }
    if entry.nextSibling >= 0 { entries[Int(entry.nextSibling)].previousSibling = entry.previousSibling }
  }

  // MARK: - What plans name

  /// Slots of a unit's blocks that are there, the last one first; a unit is known by the key of its last block.
  private func slots(ofUnit key: UInt64) -> [Int] {
    var slots: [Int] = []
    var next = index[key] ?? -1
    while next >= 0, slots.count < unitBlocks {
      slots.append(Int(next))
      next = entries[Int(next)].parent
    }
    return slots
  }

  /// Gives up a unit, as far as nobody holds it.
  mutating func evict(unit key: UInt64) {
    counts.planEvictedUnits += 1
    guard let first = slots(ofUnit: key).prefix(while: { entries[$0].holders == 0 }).last else {
      counts.missedUnits += 1
      return
    }
    counts.planEvictedBlocks += drop(first)
  }

  mutating func pin(unit key: UInt64) {
    counts.pinnedUnits += 1
    for slot in slots(ofUnit: key) { setPinned(slot, true) }
  }

  mutating func unpin(unit key: UInt64) {
    for slot in slots(ofUnit: key) { setPinned(slot, false) }
  }

  private mutating func setPinned(_ slot: Int, _ isPinned: Bool) {
    guard entries[slot].isPinned != isPinned else { return }
    entries[slot].isPinned = isPinned
    if entries[slot].holders == 0 { line(slot) }
  }

  // MARK: - The slower tier

  /// Starts to bring units back, in order, until one is in neither place or no more than `reserve` blocks would be
  /// free.
  mutating func fetch(units keys: [UInt64], reserve: Int, nowUs: Int64) {
    guard tier != nil else { return }
    var slots: [Int32] = []
    var landing = 0
    for key in keys {
      guard let missing = missingBlocks(ofUnit: key) else { break }
      guard let first = missing.first else { continue }
      if landing > 0, first.parent != entries[Int(slots[slots.count - 1])].key {
        // Another prompt: it lands by itself.
        start(slots, landing, nowUs)
        (slots, landing) = ([], 0)
      }
      if landing == 0 { slots = holdPath(to: first.parent) }
      guard freeBlocks - missing.count >= reserve else { break }
      for block in missing {
        slots.append(Int32(land(block.key, after: block.parent)))
        landing += 1
      }
    }
    if landing > 0 { return start(slots, landing, nowUs) }
    for slot in slots.reversed() { release(Int(slot)) }
  }

  /// Blocks of a unit that the tier has and the GPU lacks, the first one first; nil when one is in neither place.
  private func missingBlocks(ofUnit key: UInt64) -> [(key: UInt64, parent: UInt64?)]? {
    var missing: [(key: UInt64, parent: UInt64?)] = []
    var next: UInt64? = key
    while let block = next, missing.count < unitBlocks, index[block] == nil {
      guard tier?.contains(block) ?? false else { return nil }
      next = tier?.parent(of: block)
      missing.append((block, next))
    }
    // The rest of the prompt in front of them has to be there, or on its way.
    guard next == nil || next.flatMap({ index[$0] }) != nil else { return nil }
    return missing.reversed()
  }

  private mutating func holdPath(to key: UInt64?) -> [Int32] {
    var path: [Int32] = []
    var next = key.flatMap { index[$0] } ?? -1
    while next >= 0 {
      path.append(next)
      hold(Int(next))
      next = entries[Int(next)].parent
    }
    return path.reversed()
  }

  private mutating func land(_ key: UInt64, after parent: UInt64?) -> Int {
    let slot = insert(key, after: parent)
    entries[slot].holders = 1
    entries[slot].landsUs = .max
    heldBlocks += 1
    heldSharedBlocks += 1
    makeRoom()
    return slot
  }

  private mutating func start(_ slots: [Int32], _ landing: Int, _ nowUs: Int64) {
    let us = tier?.transferUs(blocks: landing) ?? 0
    linkFreeUs = max(linkFreeUs, nowUs) + Int64(us)
    for slot in slots.suffix(landing) { entries[Int(slot)].landsUs = linkFreeUs }
    transfers.append(Transfer(endUs: linkFreeUs, slots: slots, landing: landing))
    counts.fetchedBlocks += landing
    counts.fetchUs += us
  }

  /// When the first of the keys that is on its way will be there; nil when the first that is missing is not.
  func landing(_ keys: ArraySlice<UInt64>) -> Int64? {
    guard let slot = keys.first(where: { !isThere($0) }).flatMap({ index[$0] }) else { return nil }
    return entries[Int(slot)].landsUs
  }

  /// When the next blocks will be there; `Int64.max` when none are on their way.
  var nextLandingUs: Int64 { transfers.first?.endUs ?? .max }

  /// What has arrived can be found from now on.
  mutating func settleTransfers(nowUs: Int64) {
    while let transfer = transfers.first, transfer.endUs <= nowUs {
      transfers.removeFirst()
      for slot in transfer.slots.suffix(transfer.landing).lazy.map(Int.init) {
        entries[slot].landsUs = 0
        entries[slot].isUnused = true
      }
      for slot in transfer.slots.reversed() { release(Int(slot)) }
    }
  }

  mutating func limitTier(toShare share: Double) { tier?.limit(toShare: share) }

  /// The GPU's memory is lost: what is cached there, and what was on its way. Nobody holds anything any more.
  mutating func loseAll() {
    var next = PrefixCache(totalBlocks: totalBlocks, unitBlocks: unitBlocks, tier: tier)
    next.counts = counts
    self = next
  }

  /// Sentences about what is inconsistent; empty when all is well. For tests. O(blocks).
  func bookViolations() -> [String] {
    var found: [String] = []
    let live = index.values.map { entries[Int($0)] }
    let idleBlocks = live.count { $0.holders == 0 }
    if idleBlocks != evictableBlocks { found.append("\(idleBlocks) blocks are idle, counted \(evictableBlocks)") }
    if live.count - idleBlocks != heldSharedBlocks { found.append("\(live.count - idleBlocks) shared blocks are held") }
    if heldBlocks + evictableBlocks > totalBlocks { found.append("more blocks than there are") }
    if entries.count != index.count + freeSlots.count { found.append("slots are lost") }
    for entry in live where entry.parent >= 0 {
      let parent = entries[Int(entry.parent)]
      if parent.key != entry.parentKey { found.append("\(entry.key) is behind another block than it says") }
      if entry.holders > 0, parent.holders == 0 { found.append("\(entry.key) is held and \(parent.key) is not") }
    }
    return found
  }

  /// Blocks that came back and that nobody ever found are wasted once the run is over.
  mutating func close() {
    for entry in entries where entry.isUnused || entry.landsUs > 0 { counts.fetchedWastedBlocks += 1 }
  }
}
