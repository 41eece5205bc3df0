import SchedulerCore

/// Share of prompt tokens that a prefix cache can give, from the identities of prompt blocks: requests in order of
/// arrival, each served before the next. A block is found only behind blocks that are found, as prefix caches have it.
public struct CacheBound: Sendable {
  /// Accesses to blocks that a trace may have.
  static let accessesMax = 50_000_000

  /// One block of one prompt.
  private struct Access {
    let block: UInt64
    /// Tokens of the prompt in it.
    let tokens: Int
    /// Index of the next request that has the block; `never` for none.
    var nextUse: Int
  }

  private static let never = Int.max

  public let promptTokens: Int
  public let blockTokens: Int
  private var requests: [[Access]] = []
  /// When each of them came, and how long its prompt and its answer were.
  private var arrivals: [(us: Int64, promptTokens: Int, outputTokens: Int)] = []

  /// Reads a whole workload: what comes next has to be known.
  public init(_ workload: any Workload) throws(WorkloadError) {
    var workload = workload
    var promptTokens = 0
    var blockTokens = 0
    var accesses = 0
    while let request = try workload.next() {
      promptTokens += request.promptTokens
      blockTokens = max(blockTokens, request.prefixBlockTokens)
      accesses += request.prefixBlocks.count
      guard accesses <= Self.accessesMax else { break }
      requests.append(Self.accesses(request))
      arrivals.append((request.arrivalUs, request.promptTokens, request.outputTokens))
    }
    self.promptTokens = promptTokens
    self.blockTokens = max(1, blockTokens)
    var next: [UInt64: Int] = [:]
    for index in requests.indices.reversed() {
      for depth in requests[index].indices {
        let block = requests[index][depth].block
        requests[index][depth].nextUse = next[block] ?? Self.never
      }
      for access in requests[index] { next[access.block] = index }
    }
  }

  private static func accesses(_ request: WorkloadRequest) -> [Access] {
    request.prefixBlocks.enumerated().map { depth, block in
      let left = request.promptTokens - depth * request.prefixBlockTokens
      return Access(block: block, tokens: min(request.prefixBlockTokens, max(0, left)), nextUse: never)
    }
  }

  /// Whether prompts have block identities at all.
  public var hasBlocks: Bool { requests.contains { !$0.isEmpty } }

  /// Tokens of room that all different blocks together need.
  public var footprintTokens: Int {
    var blocks: Set<UInt64> = []
    for request in requests { blocks.formUnion(request.lazy.map(\.block)) }
    return blocks.count * blockTokens
  }

  /// With room for everything.
  public var infiniteHitRatio: Double {
    var seen: Set<UInt64> = []
    return ratio { request in
      let hit = Self.prefix(request) { seen.contains($0) }
      seen.formUnion(request.lazy.map(\.block))
      return hit
    }
  }

  /// With room for so many tokens, keeping always what is used soonest (Belady): no policy has more. A block is used
  /// whenever one behind it is, so prefixes stay whole; what is never used again is not kept.
  public func beladyHitRatio(capacityTokens: Int) -> Double {
    let capacity = capacityTokens / blockTokens
    var kept: [UInt64: Int] = [:]
    var farthest = FarthestUse()
    return ratio { request in
      let hit = Self.prefix(request) { kept[$0] != nil }
      for (depth, access) in request.enumerated() {
        kept[access.block] = access.nextUse == Self.never ? nil : access.nextUse
        if access.nextUse != Self.never {
          farthest.add(FarthestUse.Entry(nextUse: access.nextUse, depth: depth, block: access.block))
        }
      }
      while kept.count > capacity, let entry = farthest.removeFirst() {
        if kept[entry.block] == entry.nextUse { kept[entry.block] = nil }
      }
      return hit
    }
  }

  /// With room for so many tokens, throwing away what was not used for longest, of one prompt the end first (vLLM).
  public func lruHitRatio(capacityTokens: Int) -> Double {
    let capacity = capacityTokens / blockTokens
    var kept: [UInt64: Int] = [:]
    // In order of use; an entry counts when it is the block's last one.
    var uses: [UInt64] = []
    var oldest = 0
    return ratio { request in
      let hit = Self.prefix(request) { kept[$0] != nil }
      for access in request.reversed() {
        kept[access.block] = uses.count
        uses.append(access.block)
      }
      while kept.count > capacity, oldest < uses.count {
        if kept[uses[oldest]] == oldest { kept[uses[oldest]] = nil }
        oldest += 1
      }
      return hit
    }
  }

  /// With room for so many tokens under a policy of the core, which knows the past only.
  /// - Parameter attentionTokens: prefix tokens at which attention costs as much as everything else; 0: depth does not
  ///   count.
  public func hitRatio(_ eviction: CacheEviction, capacityTokens: Int, attentionTokens: Int = 0) -> Double {
    let capacity = capacityTokens / blockTokens
    var ledger = PrefixLedger(
      eviction: eviction, blockTokens: blockTokens, attentionTokens: attentionTokens,
      blocksMax: max(PrefixLedger.blocksMaxDefault, Self.rememberedCapacities * capacity))
    var turn = 0
    return ratio { request in
      let arrival = arrivals[turn]
      turn += 1
      let path = ledger.begin(request.lazy.map(\.block), nowUs: arrival.us)
      ledger.store(path, computedBlocks: request.count)
      ledger.end(
        path, promptTokens: arrival.promptTokens, outputTokens: arrival.outputTokens, nowUs: arrival.us)
      while ledger.cachedCount > capacity, ledger.evict(nowUs: arrival.us) != nil {}
      return request.prefix(path.cachedBlocks).reduce(0) { $0 + $1.tokens }
    }
  }

  /// Uses that a policy remembers, in capacities.
  private static let rememberedCapacities = 8

  private func ratio(_ hitTokens: ([Access]) -> Int) -> Double {
    let hits = requests.reduce(0) { $0 + hitTokens($1) }
    return promptTokens > 0 ? Double(hits) / Double(promptTokens) : 0
  }

  private static func prefix(_ request: [Access], _ isKept: (UInt64) -> Bool) -> Int {
    request.prefix { isKept($0.block) }.reduce(0) { $0 + $1.tokens }
  }
}
