/// What plans do with an engine's prefix cache: which named units go, which stay for requests that start soon, and
/// which come back from the slower tier. It believes what the engine said on arrival and what was launched since; every
/// later arrival corrects it. Only verbs that the engine declared come out of it.
///
/// A request costs O(units of its prompt) when it comes and when it goes, a unit that is evicted O(log units); nothing
/// here walks the waiting requests.
struct CacheController: Codable, Sendable {
  /// Waiting requests at the head of the order that pins and prefetches look at.
  static let lookahead = 8
  /// Pins hold at most one part in so many of the pool.
  static let pinnedPart = 4
  /// No prefetch is named that would begin later than this.
  static let fetchAheadUs: Int64 = 500_000
  /// Units that are remembered, in pools.
  private static let rememberedPools = 8
  private static let unitsMost = 1 << 20
  /// Plans leave the choice to the engine while names cover less than one part in so many of what may go: it alone can
  /// clear what has no name.
  private static let namedPart = 2

  /// What is remembered of a slot's request beside the mirror.
  private struct Prompt: Codable, Sendable {
    var serial: RequestSerial = 0
    var path: PrefixLedger.Path?
    /// Leading units that the ledger was told are computed.
    var storedUnits = 0
    /// Leading units that the cache or the slower tier held on arrival.
    var tierEnd = 0
    var isFilling = false
    var wasPinned = false
    var wasFetched = false
  }

  /// What the last plan named, until the engine says whether it was launched.
  private struct Named: Codable, Sendable {
    var evicted: ContiguousArray<UInt64> = []
    var fetched: ContiguousArray<UInt64> = []
    var fetching: ContiguousArray<Int32> = []
    var pinned: ContiguousArray<UInt64> = []
    var hadPins: ContiguousArray<UInt64> = []
    var fetchFreeUs: Int64 = 0
  }

  let unitTokens: Int
  /// Blocks of each pool that one unit takes.
  let unitBlocks: ContiguousArray<Int>
  private let verbs: Capabilities
  private let hasTier: Bool
  private let poolUnits: Int
  private var rule: EvictionRule
  private var ledger: PrefixLedger
  private var prompts: ContiguousArray<Prompt> = []
  /// Slots that run and whose prompts are not all computed.
  private var filling: ContiguousArray<Int32> = []
  /// Free blocks of each pool that hold cached content, as the engine said last; empty: it does not say.
  private var cachedBlocks: ContiguousArray<Int> = []
  /// Keys that the engine was told to pin, ascending.
  private var pins: ContiguousArray<UInt64> = []
  /// When the link to the slower tier is free again, by what was named so far.
  private var fetchFreeUs: Int64 = 0
  private var named = Named()
  /// The waiting order that pins and prefetches were made for; nil: look again.
  private var seenVersion: UInt64?

  /// nil for an engine that names no prefixes, or can do nothing with the names.
  /// - Parameter attentionTokens: prefix tokens at which attention costs as much as everything else; 0: unknown.
  init?(engine: EngineDescription, policy: PolicyConfig, attentionTokens: Int) {
    guard engine.takesPrefixVerbs, let cache = engine.prefixCache else { return nil }
    unitTokens = cache.blockTokens
    let geometry = KVGeometry(engine.model)
    var blocks = ContiguousArray(repeating: 0, count: geometry.poolCount)
    geometry.addGrowth(from: 0, to: cache.blockTokens, into: &blocks)
    unitBlocks = blocks
    poolUnits = zip(geometry.poolBlocks, blocks).reduce(Int.max) { least, pool in
      pool.1 > 0 ? min(least, pool.0 / pool.1) : least
    }
    verbs = engine.capabilities
    hasTier = cache.tierBlocks > 0
    rule = policy.eviction
    let remembered = max(PrefixLedger.blocksMaxDefault, Self.rememberedPools * min(poolUnits, Self.unitsMost))
    ledger = PrefixLedger(
      eviction: rule.planned ?? .lru, blockTokens: cache.blockTokens, attentionTokens: attentionTokens,
      blocksMax: min(Self.unitsMost, remembered))
  }

  var mayEvict: Bool { verbs.contains(.kvEvict) && rule != .engine }
  var mayPin: Bool { verbs.contains(.kvPin) }
  var mayFetch: Bool { verbs.contains(.kvPrefetch) && hasTier }
  /// Something is done for requests that start soon.
  var looksAhead: Bool { mayPin || mayFetch }
  var pinnedKeys: ContiguousArray<UInt64> { pins }
  func isHeld(_ key: UInt64) -> Bool { ledger.isHeld(key) }

  /// Who is here stays known.
  mutating func setPolicy(_ policy: PolicyConfig) {
    rule = policy.eviction
    let eviction = rule.planned ?? .lru
    if eviction != ledger.eviction { ledger.setEviction(eviction) }
  }

  // MARK: - A Step was applied

  /// What became of the last plan, and who came.
  mutating func observe(_ delta: StepDelta, _ table: RequestTable, nowUs: Int64) {
    if delta.launched.mode != .plan { planWasLost() }
    named = Named()
    named.hadPins = pins
    named.fetchFreeUs = fetchFreeUs
    cachedBlocks.removeAll(keepingCapacity: true)
    cachedBlocks.append(contentsOf: delta.kvCachedBlocks)
    guard !delta.arrived.prefixEnd.isEmpty else { return }
    for index in delta.arrived.h.indices {
      guard let slot = table.slot(of: delta.arrived.h[index]) else { continue }
      let cached = delta.arrived.cachedTokens.isEmpty ? 0 : delta.arrived.cachedTokens[index]
      let beyond = delta.arrived.tierTokens.isEmpty ? 0 : delta.arrived.tierTokens[index]
      begin(slot, table.requests[slot], delta.arrived.keys(of: index), cached: cached, beyond: beyond, nowUs: nowUs)
    }
  }

  private mutating func begin(
    _ slot: Int, _ request: Request, _ keys: ArraySlice<UInt64>, cached: Int, beyond: Int, nowUs: Int64
  ) {
    guard !keys.isEmpty else { return }
    if slot >= prompts.count {
      prompts.append(contentsOf: repeatElement(Prompt(), count: slot + 1 - prompts.count))
    }
    var path = ledger.begin(keys.prefix(request.promptTokens / unitTokens), isChecked: true, nowUs: nowUs)
    // A hit ends short of the prompt's last token, so that nothing is said of a unit that ends with it.
    ledger.correct(
      &path, cachedBlocks: cached / unitTokens, knownBlocks: (request.promptTokens - 1) / unitTokens)
    prompts[slot] = Prompt(serial: request.serial, path: path, tierEnd: (cached + beyond) / unitTokens)
    if request.isRunning { fill(slot) }
  }

  private mutating func fill(_ slot: Int) {
    guard !prompts[slot].isFilling else { return }
    prompts[slot].isFilling = true
    filling.append(Int32(slot))
  }

  /// A request's place in the mirror changed: it began to run, or went.
  mutating func noteChange(_ slot: Int, _ request: Request, nowUs: Int64) {
    guard slot < prompts.count, prompts[slot].serial == request.serial, let path = prompts[slot].path else { return }
    guard request.isLive else {
      store(slot, request)
      ledger.end(
        path, promptTokens: request.promptTokens, outputTokens: request.outputTokens, nowUs: nowUs)
      prompts[slot].path = nil
      return
    }
    if request.isRunning { fill(slot) }
  }

  /// What running requests have computed by now is in the cache. O(running requests whose prompts are not done).
  mutating func noteProgress(_ requests: ContiguousArray<Request>, nowUs: Int64) {
    var kept = 0
    for index in filling.indices {
      let slot = Int(filling[index])
      guard prompts[slot].isFilling else { continue }
      store(slot, requests[slot])
      guard let path = prompts[slot].path, requests[slot].isRunning, prompts[slot].storedUnits < path.slots.count
      else {
        prompts[slot].isFilling = false
        continue
      }
      filling[kept] = filling[index]
      kept += 1
    }
    filling.removeLast(filling.count - kept)
    trim(nowUs: nowUs)
  }

  private mutating func store(_ slot: Int, _ request: Request) {
    guard let path = prompts[slot].path, request.isSame(as: prompts[slot].serial) || !request.isLive else { return }
    let units = min(request.computedTokens, request.promptTokens) / unitTokens
    guard units > prompts[slot].storedUnits else { return }
    ledger.store(path, computedBlocks: units)
    prompts[slot].storedUnits = min(units, path.slots.count)
  }

  /// More than the engine can have is not believed: whatever goes first by the rule is taken for gone.
  private mutating func trim(nowUs: Int64) {
    var most = max(0, poolUnits - ledger.heldCount)
    for pool in cachedBlocks.indices where unitBlocks[pool] > 0 {
      most = min(most, cachedBlocks[pool] / unitBlocks[pool])
    }
    while ledger.idleCount > most, ledger.evict(nowUs: nowUs) != nil {}
  }

  // MARK: - The plan

  /// Units that have to go so that a plan's work finds empty blocks.
  /// - Parameter freeBlocks: free blocks of each pool after the work, cached ones included.
  func shortUnits(freeBlocks: ContiguousArray<Int>, fetchedUnits: Int) -> Int {
    var units = 0
    for pool in unitBlocks.indices where unitBlocks[pool] > 0 {
      let cached = cachedBlocks.isEmpty ? ledger.idleCount * unitBlocks[pool] : cachedBlocks[pool]
      guard Self.namedPart * ledger.cachedCount * unitBlocks[pool] >= cached else { return 0 }
      let short = cached - freeBlocks[pool] + fetchedUnits * unitBlocks[pool]
      if short > 0 { units = max(units, ceilDivide(short, unitBlocks[pool])) }
    }
    return min(units, CachePlan.keysMax)
  }

  /// Gives up so many units, the least worth first; fewer when the others are in use.
  mutating func evict(_ units: Int, nowUs: Int64) -> Int {
    while named.evicted.count < units, let key = ledger.evict(nowUs: nowUs) { named.evicted.append(key) }
    return named.evicted.count
  }

  /// Whether pins and prefetches have to be thought about again.
  func hasNews(version: UInt64) -> Bool { seenVersion != version }

  mutating func beginPins(version: UInt64?) {
    seenVersion = version
    named.pinned.removeAll(keepingCapacity: true)
  }

  /// Pins what the cache holds of a waiting request's prompt, as far as pins go. Returns the tokens, 0 where the
  /// request had its pins before.
  mutating func pin(_ slot: Int, _ request: Request) -> Int {
    guard let path = path(of: slot, request) else { return 0 }
    let room = min(CachePlan.keysMax, poolUnits / Self.pinnedPart) - named.pinned.count
    let units = min(ledger.cachedCount(of: path), room)
    guard units > 0 else { return 0 }
    for slot in path.slots.prefix(units) { named.pinned.append(ledger.key(of: slot)) }
    guard !prompts[slot].wasPinned else { return 0 }
    prompts[slot].wasPinned = true
    return units * unitTokens
  }

  /// The units of a request's prompt that the slower tier held on arrival and the cache lacks; nil when there are none
  /// or they were named before.
  func fetchable(_ slot: Int, _ request: Request) -> Range<Int>? {
    guard let path = path(of: slot, request), !prompts[slot].wasFetched, request.computedTokens == 0 else { return nil }
    // The last token is always computed.
    let end = min(prompts[slot].tierEnd, path.slots.count, (request.promptTokens - 1) / unitTokens)
    let first = ledger.cachedCount(of: path)
    return first < end ? first..<end : nil
  }

  private func path(of slot: Int, _ request: Request) -> PrefixLedger.Path? {
    guard slot < prompts.count, prompts[slot].serial == request.serial else { return nil }
    return prompts[slot].path
  }

  /// Keys that one more prefetch may name.
  var fetchRoom: Int { CachePlan.keysMax - named.fetched.count }

  /// Whether the link takes another prefetch soon.
  func isLinkFree(nowUs: Int64) -> Bool { fetchFreeUs &- nowUs < Self.fetchAheadUs }

  /// Names units of a request's prompt, which take the link for `us`.
  mutating func fetch(_ slot: Int, units: Range<Int>, us: Int, nowUs: Int64) {
    guard let path = prompts[slot].path else { return }
    prompts[slot].wasFetched = true
    named.fetching.append(Int32(slot))
    for unit in path.slots[units] {
      let key = ledger.key(of: unit)
      named.fetched.append(key)
      ledger.restore(key)
    }
    fetchFreeUs = max(fetchFreeUs, nowUs) &+ Int64(us)
  }

  /// Fills a plan's lists; false when there is nothing to say.
  /// - Parameter pinsAreNew: what is pinned was thought about again for this plan.
  mutating func write(into plan: inout CachePlan, pinsAreNew: Bool) -> Bool {
    plan.evict.append(contentsOf: named.evicted)
    plan.prefetch.append(contentsOf: named.fetched)
    if pinsAreNew {
      var wanted = named.pinned
      wanted.sort()
      let merged = Self.difference(from: pins, to: wanted)
      plan.pin.append(contentsOf: merged.added)
      plan.unpin.append(contentsOf: merged.removed)
      pins = merged.result
    }
    return plan.hasVerbs
  }

  /// Both ascending; of equal keys, `next` may hold several.
  private static func difference(
    from old: ContiguousArray<UInt64>, to next: ContiguousArray<UInt64>
  ) -> (added: ContiguousArray<UInt64>, removed: ContiguousArray<UInt64>, result: ContiguousArray<UInt64>) {
    var (added, removed, result): (ContiguousArray<UInt64>, ContiguousArray<UInt64>, ContiguousArray<UInt64>)
    (added, removed, result) = ([], [], [])
    var position = 0
    for key in next where key != result.last || result.isEmpty {
      while position < old.count, old[position] < key {
        removed.append(old[position])
        position += 1
      }
      if position < old.count, old[position] == key { position += 1 } else { added.append(key) }
      result.append(key)
    }
    removed.append(contentsOf: old[position...])
    return (added, removed, result)
  }

  /// The plan made last was not carried out: what it gave up is still there, what it fetched is not.
  mutating func planWasLost() {
    for key in named.evicted.reversed() { ledger.restore(key) }
    for key in named.fetched.reversed() { ledger.forget(key) }
    for slot in named.fetching { prompts[Int(slot)].wasFetched = false }
    pins = named.hadPins
    fetchFreeUs = named.fetchFreeUs
    named = Named()
    named.hadPins = pins
    named.fetchFreeUs = fetchFreeUs
    seenVersion = nil
  }
}
