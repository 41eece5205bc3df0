/// Which prefix blocks a cache holds, who uses them, and which one goes next. Blocks are known by a key that stands for
/// everything up to their end, so that prompts form a tree; only leaves that nobody uses are given up, since a block
/// behind a missing one is of no use.
///
/// Bounded: at most `blocksMax` blocks are known, and at most so many uses remembered. A use costs O(log blocks) and an
/// eviction O(kinds + log blocks).
public struct PrefixLedger: Codable, Sendable {
  struct Block: Codable, Sendable {
    var key: UInt64
    /// Key of the block in front of it; nil for a prompt's first.
    var parent: UInt64?
    var depth: Int32
    var uses: Int32 = 0
    /// Requests that have it in their prompt and have not ended.
    var holders: Int32 = 0
    var cachedChildren: Int32 = 0
    var isCached = false
    var kind: Int32 = 0
    /// Order of uses; deeper blocks of one prompt have smaller ticks.
    var tick: UInt64 = 0
    var lastUs: Int64 = 0
    /// Number of its last use in the history; -1 for none.
    var use = -1
  }

  /// The blocks of one request's prompt that are known, from the front.
  public struct Path: Codable, Sendable {
    var slots: ContiguousArray<Int32> = []
    /// Leading blocks that earlier prompts had.
    var knownBlocks = 0
    /// Leading blocks that were cached.
    public internal(set) var cachedBlocks = 0

    public init() {}
  }

  public static let blocksMaxDefault = 65_536

  public private(set) var eviction: CacheEviction
  private let blocksMax: Int
  private let blockTokens: Int
  /// Prefix tokens at which attention costs as much as everything else; 0: depth does not count.
  private let attentionTokens: Int
  var blocks: ContiguousArray<Block> = []
  private var free: ContiguousArray<Int32> = []
  private var index = BlockIndex()
  private var leaves: ContiguousArray<TickHeap>
  private var model = ReuseModel(kinds: PrefixKind.count, familySize: PrefixKind.familySize)
  private var history: ReuseHistory
  private var tick: UInt64 = 0
  public private(set) var cachedCount = 0
  /// Cached blocks that somebody uses.
  public private(set) var heldCount = 0

  /// - Parameters:
  ///   - blockTokens: tokens of one block.
  ///   - attentionTokens: prefix tokens at which attention costs as much as everything else; 0: depth does not count.
  ///   - blocksMax: blocks known at once, and uses remembered.
  public init(
    eviction: CacheEviction, blockTokens: Int, attentionTokens: Int = 0, blocksMax: Int = Self.blocksMaxDefault
  ) {
    self.eviction = eviction
    self.blockTokens = max(1, blockTokens)
    self.attentionTokens = attentionTokens
    self.blocksMax = blocksMax
    history = ReuseHistory(usesMax: blocksMax)
    leaves = ContiguousArray(repeating: TickHeap(), count: Self.lists(eviction))
  }

  /// Lists of leaves: of like value under LRU and LFU, of like kind otherwise.
  private static func lists(_ eviction: CacheEviction) -> Int {
    switch eviction {
    case .lru: 1
    case .lfu: frequencies
    case .reuseValue: PrefixKind.count
    }
  }
  /// LFU counts to here.
  private static let frequencies = 16

  /// Goes on under another rule; what was learned of uses is lost. O(blocks log blocks).
  mutating func setEviction(_ next: CacheEviction) {
    eviction = next
    model = ReuseModel(kinds: PrefixKind.count, familySize: PrefixKind.familySize)
    history = ReuseHistory(usesMax: blocksMax)
    leaves = ContiguousArray(repeating: TickHeap(), count: Self.lists(next))
    for slot in blocks.indices where index[blocks[slot].key] == Int32(slot) {
      blocks[slot].use = -1
      blocks[slot].kind = Int32(list(uses: Int(max(1, blocks[slot].uses)), kind: PrefixKind.unfilled))
      forgetIfIdle(slot)
      offer(slot)
    }
  }

  public var knownCount: Int { blocks.count - free.count }

  public func isCached(_ key: UInt64) -> Bool { index[key].map { blocks[Int($0)].isCached } ?? false }

  // MARK: - A request's life

  /// A request came whose prompt has these blocks. They stay while it lives.
  /// - Parameter isChecked: a key that stands at another depth than it did is none of a chain: the path ends there.
  public mutating func begin(_ keys: some Collection<UInt64>, isChecked: Bool = false, nowUs: Int64) -> Path {
    if eviction == .reuseValue { history.age(to: nowUs, &model) }
    var path = Path()
    var parent: UInt64?
    for key in keys {
      let known = index[key]
      if isChecked, let known, blocks[Int(known)].depth != Int32(path.slots.count) { break }
      guard let slot = known ?? insert(key, parent: parent, depth: path.slots.count) else { break }
      if known != nil, path.knownBlocks == path.slots.count { path.knownBlocks += 1 }
      let block = blocks[Int(slot)]
      if block.isCached, path.cachedBlocks == path.slots.count { path.cachedBlocks += 1 }
      if block.use >= 0, block.holders == 0 { history.end(block.use, us: nowUs) }
      if block.isCached, block.holders == 0 { heldCount += 1 }
      blocks[Int(slot)].holders += 1
      path.slots.append(slot)
      parent = key
    }
    return path
  }

  /// The engine has only so many of the path's leading blocks: what the ledger believed beyond that is taken back.
  /// - Parameter knownBlocks: leading blocks that the figure speaks about; nil: all.
  public mutating func correct(_ path: inout Path, cachedBlocks: Int, knownBlocks: Int? = nil) {
    let known = min(knownBlocks ?? path.slots.count, path.slots.count)
    for position in path.slots.indices.prefix(known).reversed() where position >= cachedBlocks {
      setCached(Int(path.slots[position]), false)
    }
    for position in path.slots.indices where position < cachedBlocks { setCached(Int(path.slots[position]), true) }
    path.cachedBlocks = min(cachedBlocks, path.slots.count)
  }

  /// The first `computedBlocks` blocks of a path are in the cache now.
  public mutating func store(_ path: Path, computedBlocks: Int) {
    for slot in path.slots.prefix(computedBlocks) { setCached(Int(slot), true) }
  }

  /// Leading blocks of a path that are cached now.
  func cachedCount(of path: Path) -> Int { path.slots.prefix { blocks[Int($0)].isCached }.count }

  /// Cached blocks that nobody uses.
  var idleCount: Int { cachedCount - heldCount }

  /// Somebody has it in its prompt.
  func isHeld(_ key: UInt64) -> Bool { index[key].map { blocks[Int($0)].holders > 0 } ?? false }

  func key(of slot: Int32) -> UInt64 { blocks[Int(slot)].key }

  /// A block that was given up is in the cache after all, as far as it is still known.
  mutating func restore(_ key: UInt64) {
    guard let slot = index[key].map(Int.init) else { return }
    setCached(slot, true)
    offer(slot)
  }

  /// A block is not in the cache after all.
  mutating func forget(_ key: UInt64) {
    guard let slot = index[key].map(Int.init) else { return }
    setCached(slot, false)
    forgetIfIdle(slot)
  }

  /// The request ended.
  public mutating func end(_ path: Path, promptTokens: Int, outputTokens: Int, nowUs: Int64) {
    if eviction == .reuseValue { model.countRequest(blocks: path.slots.count) }
    let newTokens = promptTokens - path.knownBlocks * blockTokens
    for position in path.slots.indices.reversed() {
      let slot = Int(path.slots[position])
      let uses = Int(min(blocks[slot].uses, Int32.max - 1)) + 1
      let isFilled = (position + 1) * blockTokens <= promptTokens
      let kind =
        isFilled
        ? PrefixKind.index(
          uses: uses, wasKnown: position < path.knownBlocks, continues: path.knownBlocks > 1, newTokens: newTokens,
          outputTokens: outputTokens)
        : PrefixKind.unfilled
      blocks[slot].uses = Int32(uses)
      blocks[slot].holders -= 1
      blocks[slot].lastUs = nowUs
      tick += 1
      blocks[slot].tick = tick
      blocks[slot].kind = Int32(list(uses: uses, kind: kind))
      if blocks[slot].holders == 0 { release(slot, kind: kind, nowUs: nowUs) }
    }
    dropExcess()
  }

  private func list(uses: Int, kind: Int) -> Int {
    switch eviction {
    case .lru: 0
    case .lfu: min(uses, Self.frequencies) - 1
    case .reuseValue: kind
    }
  }

  private mutating func release(_ slot: Int, kind: Int, nowUs: Int64) {
    if blocks[slot].isCached { heldCount -= 1 }
    blocks[slot].use = history.nextNumber
    history.add(slot: Int32(slot), kind: kind, us: nowUs)
    offer(slot)
  }

  // MARK: - Room

  /// Gives up the block of least value and returns its key; nil when every cached block is in use.
  public mutating func evict(nowUs: Int64) -> UInt64? {
    var best: (value: Int, tick: UInt64, list: Int)?
    for list in leaves.indices {
      guard let entry = firstLeaf(of: list) else { continue }
      let value = value(of: Int(entry.slot), in: list, nowUs)
      if let current = best, (current.value, current.tick) <= (value, entry.tick) { continue }
      best = (value, entry.tick, list)
    }
    guard let best, let entry = leaves[best.list].first else { return nil }
    leaves[best.list].removeFirst()
    let key = blocks[Int(entry.slot)].key
    setCached(Int(entry.slot), false)
    forgetIfIdle(Int(entry.slot))
    return key
  }

  private func value(of slot: Int, in list: Int, _ nowUs: Int64) -> Int {
    switch eviction {
    case .lru: return 0
    case .lfu: return list
    case .reuseValue:
      let reuse = model.value(kind: list, ageUs: max(0, nowUs &- blocks[slot].lastUs))
      guard attentionTokens > 0 else { return reuse }
      return Int(Double(reuse) * (1 + Double(Int(blocks[slot].depth) * blockTokens) / Double(attentionTokens)))
    }
  }

  private mutating func firstLeaf(of list: Int) -> TickHeap.Entry? {
    while let entry = leaves[list].first {
      if isCurrent(entry, in: list) { return entry }
      leaves[list].removeFirst()
    }
    return nil
  }

  private func isCurrent(_ entry: TickHeap.Entry, in list: Int) -> Bool {
    let block = blocks[Int(entry.slot)]
    return block.tick == entry.tick && Int(block.kind) == list && Self.isLeaf(block)
  }

  private static func isLeaf(_ block: Block) -> Bool {
    block.isCached && block.holders == 0 && block.cachedChildren == 0
  }

  /// Puts a block among those that may go, if it may.
  private mutating func offer(_ slot: Int) {
    guard Self.isLeaf(blocks[slot]) else { return }
    let list = Int(blocks[slot].kind)
    leaves[list].add(TickHeap.Entry(tick: blocks[slot].tick, slot: Int32(slot)))
    guard leaves[list].count > 2 * cachedCount + Self.outdatedMax else { return }
    var heap = TickHeap()
    swap(&heap, &leaves[list])
    heap.keep { isCurrent($0, in: list) }
    swap(&heap, &leaves[list])
  }
  /// Outdated leaves in a list before they are dropped, beside twice as many as there are blocks.
  private static let outdatedMax = 1_024

  private mutating func setCached(_ slot: Int, _ isCached: Bool) {
    guard blocks[slot].isCached != isCached else { return }
    blocks[slot].isCached = isCached
    cachedCount += isCached ? 1 : -1
    if blocks[slot].holders > 0 { heldCount += isCached ? 1 : -1 }
    guard let parent = blocks[slot].parent.flatMap({ index[$0] }).map(Int.init) else { return }
    blocks[parent].cachedChildren = max(0, blocks[parent].cachedChildren + (isCached ? 1 : -1))
    if !isCached { offer(parent) }
  }

  // MARK: - Who is known

  private mutating func insert(_ key: UInt64, parent: UInt64?, depth: Int) -> Int32? {
    guard knownCount < 2 * blocksMax else { return nil }
    let block = Block(key: key, parent: parent, depth: Int32(depth))
    let slot: Int32
    if let reused = free.popLast() {
      slot = reused
      blocks[Int(slot)] = block
    } else {
      slot = Int32(blocks.count)
      blocks.append(block)
    }
    index[key] = slot
    return slot
  }

  /// A block that is neither used nor cached is known as long as its last use is remembered.
  private mutating func forgetIfIdle(_ slot: Int) {
    let block = blocks[slot]
    guard block.holders == 0, !block.isCached, !history.contains(block.use), index[block.key] == Int32(slot) else {
      return
    }
    index[block.key] = nil
    blocks[slot].tick = 0
    free.append(Int32(slot))
  }

  private mutating func dropExcess() {
    while let oldest = history.takeExcess() {
      if blocks[Int(oldest.slot)].use == oldest.number { forgetIfIdle(Int(oldest.slot)) }
    }
  }
}
