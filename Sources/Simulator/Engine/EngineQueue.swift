import SchedulerCore

/// The requests inside the reference engine, their KV blocks, and the sums that `check` carries. Every change of state
/// goes through its methods.
struct EngineQueue {
  private(set) var requests: ContiguousArray<EngineRequest> = []
  private var ids: [String] = []
  private(set) var tenants: [String] = []
  private var tenantIndices: [String: Int] = [:]
  /// Waiting requests of each tenant, and whether it had none at some time since this was last asked.
  private var waitingPerTenant: [Int] = []
  private var hadNoneWaiting: [Bool] = []
  /// Blocks held through the prefix cache, each request's counted.
  private var sharedHolds = 0
  /// Tokens whose KV is in another tier.
  private var awayTokens = 0
  /// Identities of each prompt's full blocks, at the engine's block size.
  private var prefixKeys: [[UInt64]] = []
  private(set) var cache: PrefixCache
  private(set) var sums = StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0)
  /// Live handles in no particular order: `spot` takes its turns from it.
  private(set) var liveHandles: [RequestHandle] = []
  /// Ascending.
  private(set) var runningHandles: ContiguousArray<RequestHandle> = []
  private var reusable: [(h: RequestHandle, removedSeq: UInt64)] = []
  private var reusableHead = 0
  private let blockTokens: Int
  /// Blocks of one named prefix unit.
  private let unitBlocks: Int
  private let prefixCaching: Bool

  init(_ engine: EngineDescription, prefixCaching: Bool, tier: PrefixTier? = nil) {
    blockTokens = engine.model.kvGroups[0].blockTokens
    unitBlocks = max(1, (engine.prefixCache?.blockTokens ?? blockTokens) / blockTokens)
    cache = PrefixCache(totalBlocks: engine.model.pools[0].blocks, unitBlocks: unitBlocks, tier: tier)
    self.prefixCaching = prefixCaching
  }

  subscript(h: RequestHandle) -> EngineRequest { requests[Int(h)] }
  func id(of h: RequestHandle) -> String { ids[Int(h)] }
  func tenant(of h: RequestHandle) -> String { tenants[requests[Int(h)].tenant] }

  func isKnown(_ h: RequestHandle) -> Bool { Int(h) < requests.count }

  // MARK: - Life

  /// - Parameter oldestUnsettled: seq of the oldest unsettled plan; nil when there is none.
  mutating func insert(_ work: WorkloadRequest, seq: UInt64, oldestUnsettled: UInt64?) -> RequestHandle {
    var request = EngineRequest(work, tenant: tenantIndex(work.tenant))
    request.turn = liveHandles.count
    let h: RequestHandle
    if let free = takeReusable(seq, oldestUnsettled) {
      h = free
      requests[Int(h)] = request
      ids[Int(h)] = work.id
      prefixKeys[Int(h)] = keys(of: work)
    } else {
      h = RequestHandle(requests.count)
      requests.append(request)
      ids.append(work.id)
      prefixKeys.append(keys(of: work))
    }
    liveHandles.append(h)
    countWaiting(request.tenant, 1)
    return h
  }

  private mutating func tenantIndex(_ name: String) -> Int {
    if let index = tenantIndices[name] { return index }
    let index = tenants.count
    tenantIndices[name] = index
    tenants.append(name)
    waitingPerTenant.append(0)
    hadNoneWaiting.append(true)
    return index
  }

  private mutating func countWaiting(_ tenant: Int, _ change: Int) {
    sums.waiting += change
    waitingPerTenant[tenant] += change
    if waitingPerTenant[tenant] == 0 { hadNoneWaiting[tenant] = true }
  }

  /// Whether a tenant had requests waiting all the time since this was last begun anew.
  func wasBacklogged(_ tenant: Int) -> Bool { !hadNoneWaiting[tenant] }

  mutating func beginBacklogSample() {
    for tenant in waitingPerTenant.indices { hadNoneWaiting[tenant] = waitingPerTenant[tenant] == 0 }
  }

  /// A handle returns only when every plan before its removal was reported settled (session rule 5).
  private mutating func takeReusable(_ seq: UInt64, _ oldestUnsettled: UInt64?) -> RequestHandle? {
    guard reusableHead < reusable.count else { return nil }
    let oldest = reusable[reusableHead]
    guard oldest.removedSeq + Self.handleRestSteps < seq, oldest.removedSeq < oldestUnsettled ?? .max else {
      return nil
    }
    reusableHead += 1
    if reusableHead > 1_024 {
      reusable.removeFirst(reusableHead)
      reusableHead = 0
    }
    return oldest.h
  }
  private static let handleRestSteps: UInt64 = 8

  mutating func remove(_ h: RequestHandle, seq: UInt64) {
    setBlocked(h, false)
    setComputed(h, 0)
    setOutput(h, 0)
    setRunning(h, false)
    countWaiting(requests[Int(h)].tenant, -1)
    let turn = requests[Int(h)].turn
    liveHandles.swapAt(turn, liveHandles.count - 1)
    requests[Int(liveHandles[turn])].turn = turn
    liveHandles.removeLast()
    requests[Int(h)].isLive = false
    prefixKeys[Int(h)] = []
    reusable.append((h, seq))
  }

  // MARK: - State

  mutating func setRunning(_ h: RequestHandle, _ running: Bool) {
    guard requests[Int(h)].isRunning != running else { return }
    requests[Int(h)].isRunning = running
    let place = placeAmongRunning(h)
    if running { runningHandles.insert(h, at: place) } else { runningHandles.remove(at: place) }
    sums.running += running ? 1 : -1
    countWaiting(requests[Int(h)].tenant, running ? -1 : 1)
  }

  mutating func setBlocked(_ h: RequestHandle, _ blocked: Bool) {
    guard requests[Int(h)].isBlocked != blocked else { return }
    requests[Int(h)].isBlocked = blocked
    sums.blocked += blocked ? 1 : -1
  }

  /// Where a handle is, or would go, in the ascending list.
  private func placeAmongRunning(_ h: RequestHandle) -> Int {
    var low = 0
    var high = runningHandles.count
    while low < high {
      let middle = (low + high) / 2
      if runningHandles[middle] < h { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func setOutput(_ h: RequestHandle, _ output: Int) {
    sums.output += output - requests[Int(h)].output
    requests[Int(h)].output = output
  }

  /// Drops the KV of the tokens from `computed` on.
  mutating func setComputed(_ h: RequestHandle, _ computed: Int) {
    let slot = Int(h)
    sums.computed += computed - requests[slot].computed
    if requests[slot].residence != .gpu {
      awayTokens += computed - requests[slot].computed
      if computed == 0 { requests[slot].residence = .gpu }
    }
    requests[slot].computed = computed
    let keep = (computed + blockTokens - 1) / blockTokens
    let drop = max(0, requests[slot].privateBlocks + requests[slot].sharedBlocks - keep)
    dropBlocks(slot, drop)
  }

  /// Gives back the last `drop` blocks.
  private mutating func dropBlocks(_ slot: Int, _ drop: Int) {
    let dropPrivate = min(drop, requests[slot].privateBlocks)
    cache.releasePrivate(dropPrivate)
    requests[slot].privateBlocks -= dropPrivate
    for index in stride(
      from: requests[slot].sharedBlocks - 1, through: requests[slot].sharedBlocks - (drop - dropPrivate), by: -1)
    {
      cache.releaseShared(prefixKeys[slot][index])
    }
    requests[slot].sharedBlocks -= drop - dropPrivate
    sharedHolds -= drop - dropPrivate
  }

  // MARK: - Other tiers

  /// The request's KV leaves the GPU; its tokens stay computed.
  mutating func moveAway(_ h: RequestHandle, to residence: EngineRequest.Residence) {
    let slot = Int(h)
    dropBlocks(slot, requests[slot].privateBlocks + requests[slot].sharedBlocks)
    requests[slot].residence = residence
    awayTokens += requests[slot].computed
  }

  /// Its KV is back; the blocks are taken as it grows, which must follow.
  mutating func moveBack(_ h: RequestHandle) {
    requests[Int(h)].residence = .gpu
    awayTokens -= requests[Int(h)].computed
  }

  /// The GPU's memory is lost, the cache with it.
  mutating func loseGPU() {
    for h in liveHandles where requests[Int(h)].residence == .gpu && requests[Int(h)].computed > 0 { setComputed(h, 0) }
    cache.loseAll()
  }

  /// Share of the held blocks' tokens that hold nothing: the rest of last blocks. A block that several requests hold
  /// is full, and counts once.
  var fragmentation: Double {
    let privateBlocks = cache.heldBlocks - cache.heldSharedBlocks
    let privateTokens = sums.computed - awayTokens - sharedHolds * blockTokens
    guard cache.heldBlocks > 0 else { return 0 }
    return Double(privateBlocks * blockTokens - privateTokens) / Double(cache.heldBlocks * blockTokens)
  }

  /// Blocks missing for growth to `target` computed tokens; 0 when it fits.
  func missingBlocks(_ h: RequestHandle, target: Int) -> Int {
    let slot = Int(h)
    let held = requests[slot].privateBlocks + requests[slot].sharedBlocks
    let needed = (target + blockTokens - 1) / blockTokens - held
    return max(0, needed - cache.freeBlocks)
  }

  /// Whether blocks for so many tokens are free.
  func hasRoom(forTokens tokens: Int) -> Bool { (tokens + blockTokens - 1) / blockTokens <= cache.freeBlocks }

  /// KV of a whole prompt came from another instance, with the first output token.
  mutating func land(_ h: RequestHandle, computed: Int) {
    grow(h, by: computed)
    setOutput(h, 1)
  }

  /// Computes `tokens` tokens; the blocks must be there.
  mutating func grow(_ h: RequestHandle, by tokens: Int) {
    let slot = Int(h)
    let target = requests[slot].computed + tokens
    let needed = (target + blockTokens - 1) / blockTokens - requests[slot].privateBlocks - requests[slot].sharedBlocks
    cache.takePrivate(max(0, needed))
    requests[slot].privateBlocks += max(0, needed)
    requests[slot].computed = target
    sums.computed += tokens
    publishPrefix(slot)
  }

  /// Full blocks of known identity become shared, in order, as long as the ones before them are.
  private mutating func publishPrefix(_ slot: Int) {
    guard requests[slot].sharedBlocks < prefixKeys[slot].count else { return }
    let full = min(requests[slot].computed / blockTokens, prefixKeys[slot].count)
    while requests[slot].sharedBlocks < full {
      let block = requests[slot].sharedBlocks
      let parent = block > 0 ? prefixKeys[slot][block - 1] : nil
      guard cache.publish(prefixKeys[slot][block], after: parent) else { return }
      requests[slot].sharedBlocks += 1
      requests[slot].privateBlocks -= 1
      sharedHolds += 1
    }
  }

  // MARK: - Prefix hits

  /// Tokens that a fresh request finds in the cache: whole blocks, at least one token short of the prompt, and only as
  /// many as leave a block for new content.
  func hitTokens(_ h: RequestHandle) -> Int {
    let request = requests[Int(h)]
    guard request.computed == 0 else { return 0 }
    let most = min(prefixKeys[Int(h)].count, (request.promptTokens - 1) / blockTokens)
    return most == 0 ? 0 : cache.hitCount(prefixKeys[Int(h)][..<most]) * blockTokens
  }

  /// Tokens of the prompt behind a hit that the slower tier holds.
  func tierTokens(_ h: RequestHandle, afterHit tokens: Int) -> Int {
    let most = min(prefixKeys[Int(h)].count, (requests[Int(h)].promptTokens - 1) / blockTokens)
    let hit = tokens / blockTokens
    return hit >= most ? 0 : cache.tierCount(prefixKeys[Int(h)][hit..<most]) * blockTokens
  }

  /// When the block behind a hit will be there, if it is on its way.
  func landing(_ h: RequestHandle, afterHit tokens: Int) -> Int64? {
    let most = min(prefixKeys[Int(h)].count, (requests[Int(h)].promptTokens - 1) / blockTokens)
    let hit = tokens / blockTokens
    return hit >= most ? nil : cache.landing(prefixKeys[Int(h)][hit..<most])
  }

  /// Names of the prompt's full units: each has the identity of its last block.
  func unitKeys(_ h: RequestHandle, most: Int) -> [UInt64] {
    let blocks = min(prefixKeys[Int(h)].count, requests[Int(h)].promptTokens / blockTokens)
    return (0..<min(blocks / unitBlocks, most)).map { prefixKeys[Int(h)][($0 + 1) * unitBlocks - 1] }
  }

  /// The same for a request that is not here.
  func hitTokens(of work: WorkloadRequest) -> Int {
    let keys = keys(of: work)
    let most = min(keys.count, (work.promptTokens - 1) / blockTokens)
    return most == 0 ? 0 : cache.hitCount(keys[..<most]) * blockTokens
  }

  /// Of a request's first `tokens` tokens, those that the cache holds, whoever holds them there.
  func cachedTokens(_ h: RequestHandle, of tokens: Int) -> Int {
    let most = min(prefixKeys[Int(h)].count, tokens / blockTokens)
    return most == 0 ? 0 : cache.hitCount(prefixKeys[Int(h)][..<most]) * blockTokens
  }

  /// Free blocks left for a fresh request's new content once it holds its hit.
  func freeBlocks(afterHit tokens: Int, of h: RequestHandle) -> Int {
    cache.freeBlocks(afterHolding: prefixKeys[Int(h)][..<(tokens / blockTokens)])
  }

  mutating func takeHit(_ tokens: Int, of h: RequestHandle) {
    let slot = Int(h)
    let blocks = tokens / blockTokens
    for key in prefixKeys[slot][..<blocks] { cache.hold(key) }
    requests[slot].sharedBlocks = blocks
    sharedHolds += blocks
    requests[slot].computed = tokens
    sums.computed += tokens
  }

  /// Identities of a request's full blocks at this engine's block size, its answer's included where they are known.
  /// A trace's id stands for everything up to its block's end, so that an engine's block is known by the id of the
  /// trace's block that it ends in, and by its place.
  private func keys(of work: WorkloadRequest) -> [UInt64] {
    guard prefixCaching, !work.prefixBlocks.isEmpty else { return [] }
    let size = work.prefixBlockTokens
    // The answer's blocks follow only where the prompt's are all there and whole.
    let hasAnswer = !work.outputBlocks.isEmpty && work.prefixBlocks.count == work.promptTokens / size
    let ids = hasAnswer ? work.prefixBlocks + work.outputBlocks : work.prefixBlocks
    // The last output token never has KV.
    let tokens = hasAnswer ? work.promptTokens + work.outputTokens - 1 : work.promptTokens
    let count = min(ids.count * size, tokens) / blockTokens
    guard size != blockTokens else { return Array(ids.prefix(count)) }
    return (0..<count).map { block in
      let id = ids[((block + 1) * blockTokens - 1) / size]
      return SeededRandom.mixed(SeededRandom.mixed(id) &+ UInt64(block))
    }
  }

  mutating func changeCache(_ change: (inout PrefixCache) -> Void) { change(&cache) }

  // MARK: - Notes

  mutating func update(_ h: RequestHandle, _ change: (inout EngineRequest) -> Void) { change(&requests[Int(h)]) }
}
