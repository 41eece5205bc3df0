/// Whom to preempt when KV blocks run out, by which means, and whether the engine and the policy allow it now.
struct PreemptionController: Codable, Sendable {
  /// Victims named to the engine when blocks are tight, best first.
  static let victimsMax = 8
  /// A request that gave way so often gives way after all others.
  static let shareMost: Int32 = 3
  /// A tier that refused KV is not offered more than it held then, for so long: somebody else may use it.
  static let refusalUs: Int64 = 10_000_000
  /// How long victims are away before the first came back, and how fast is learned what their returns are like.
  private static let awayUsGuess = 1_000_000.0
  private static let awayGain = 0.1

  /// What is remembered of a slot's request beside the mirror.
  private struct Memory: Codable, Sendable {
    var serial: RequestSerial = 0
    var preemptions: Int32 = 0
    var returnedPlan: Int64 = .min / 2
  }

  /// A request that gave way and is not back.
  private struct Away: Codable, Sendable {
    var slot: Int32
    var serial: RequestSerial
    var computed: Int
    var sinceUs: Int64
    var takenBlocks: Int
    var isCopied: Bool
    var isOnDisk: Bool
    /// Tokens that the last plan gave it, 0 when it was not in it, and prefill tokens of others in the same plan.
    var planned = 0
    var beside = 0
    /// The plan that took its KV away was reported.
    var isReported = false
  }

  private let capabilities: Capabilities
  private let order: PolicyConfig.VictimOrder
  private let rules: PreemptionRules
  let blockTokens: Int
  private let hasWindows: Bool
  private(set) var cost: PreemptionCost
  private(set) var survival = CacheSurvival()
  var cut = CutRequests()
  private var rate: RateLimit
  private var memories: ContiguousArray<Memory> = []
  private var away: ContiguousArray<Away> = []
  private var plans: Int64 = 0
  /// Blocks that plans took since the session began.
  private var takenBlocks = 0
  /// Mean time that victims are away, in microseconds.
  private(set) var awayUs = Self.awayUsGuess
  /// Mean prefill tokens of others in the iterations in which victims come back: beside them a small recompute is no
  /// longer lost in the time that reading the weights takes anyway.
  private var besideTokens = 0.0
  /// KV bytes that host memory holds of this session's requests, and more than which it refused lately.
  private var hostBytes = 0
  private var hostBytesMost: Int?
  private var refusedUs: Int64 = 0

  init(engine: EngineDescription, policy: PolicyConfig) {
    capabilities = engine.capabilities
    order = policy.victimOrder
    rules = policy.preemption
    blockTokens = max(1, engine.model.kvGroups.map(\.blockTokens).max() ?? 1)
    hasWindows = engine.model.kvGroups.contains { $0.windowTokens > 0 }
    cost = PreemptionCost(engine: engine)
    rate = RateLimit(perSecond: policy.preemption.perSecond)
  }

  var mayRequeue: Bool { capabilities.contains(.requeue) }
  var maySwap: Bool { capabilities.contains(.swapCPU) }
  var mayPause: Bool { capabilities.contains(.pause) }
  var namesVictims: Bool { capabilities.contains(.victimOrder) }
  /// Victims are told by what they are worth or cost, which the mirror alone does not say.
  var ranksVictims: Bool { order == .leastWorth || order == .cost }
  var ranksByCost: Bool { order == .cost }
  /// The means are the policy's; else the strategy has its own.
  var choosesMeans: Bool { rules.means != .byStrategy }
  /// A victim may keep the head of its KV, and its place: beside a means for the rest, should it be needed. A group
  /// with a window has dropped what lies before it, so that there is no way back to an earlier token.
  var mayTruncate: Bool {
    rules.means == .cost && !hasWindows && capabilities.isSuperset(of: [.truncate, .pause]) && mayPreempt
  }

  /// Some means takes KV away for good.
  var mayPreempt: Bool {
    mayRequeue
      || (choosesMeans && rules.means != .requeue && (cost.hostBytesPerS != nil || cost.diskBytesPerS != nil))
  }

  /// Whether the plan may preempt this request now: without `in_flight_preempt` nobody of an unsettled plan.
  func mayPreempt(_ request: Request) -> Bool {
    mayPreempt && (request.unsettledPlans == 0 || capabilities.contains(.inFlightPreempt))
  }

  /// The policy's limit per second leaves room for one more.
  var isWithinRate: Bool { rate.isOpen }

  // MARK: - A session's course

  /// Keeps what was learned under another policy.
  func renewed(engine: EngineDescription, policy: PolicyConfig) -> PreemptionController {
    var next = PreemptionController(engine: engine, policy: policy)
    next.survival = survival
    next.cut = cut
    next.memories = memories
    next.away = away
    next.plans = plans
    next.takenBlocks = takenBlocks
    next.awayUs = awayUs
    next.besideTokens = besideTokens
    next.hostBytes = hostBytes
    next.hostBytesMost = hostBytesMost
    next.refusedUs = refusedUs
    return next
  }

  /// Starts a plan.
  mutating func open(_ resources: ResourceSnapshot, allowsHostTier: Bool, nowUs: Int64) {
    plans += 1
    rate.open(nowUs: nowUs)
    if nowUs &- refusedUs > Self.refusalUs { hostBytesMost = nil }
    cost.open(resources, host: maySwap && allowsHostTier, disk: capabilities.contains(.swapSSD))
  }

  /// The plan is made: who of those away is in it, and how many blocks it takes.
  mutating func close(_ draft: PlanDraft, takenBlocks count: Int) {
    takenBlocks += count
    guard !away.isEmpty else { return }
    let prefillTokens = draft.items.reduce(0) { $0 + ($1.n > 1 ? Int($1.n) : 0) }
    for index in away.indices {
      let planned = draft.plannedTokens(slot: Int(away[index].slot))
      away[index].planned = planned
      away[index].beside = prefillTokens - (planned > 1 ? planned : 0)
    }
  }

  /// A Step was applied: who came back, and who was refused. O(requests away).
  mutating func observe(_ table: RequestTable, nowUs: Int64) {
    if !cut.isEmpty { cut.prune(table) }
    guard !away.isEmpty else { return }
    var kept = 0
    for index in away.indices {
      let entry = away[index]
      guard stays(entry, table, nowUs) else { continue }
      away[kept] = entry
      away[kept].isReported = true
      kept += 1
    }
    away.removeLast(away.count - kept)
  }

  /// False for who is back, gone, or was refused.
  private mutating func stays(_ entry: Away, _ table: RequestTable, _ nowUs: Int64) -> Bool {
    let request = table.requests[Int(entry.slot)]
    guard request.isSame(as: entry.serial) else {
      forget(entry)
      return false
    }
    if request.isRunning {
      noteReturn(entry, request, nowUs)
      return false
    }
    guard entry.isCopied, !entry.isReported, request.computedTokens == 0 else { return true }
    noteRefusal(entry, nowUs)
    return false
  }

  private mutating func forget(_ entry: Away) {
    if entry.isCopied, !entry.isOnDisk { hostBytes -= entry.computed * cost.bytesPerToken }
  }

  /// Host memory was full: the engine dropped the KV instead.
  private mutating func noteRefusal(_ entry: Away, _ nowUs: Int64) {
    forget(entry)
    guard !entry.isOnDisk else { return }
    hostBytesMost = hostBytes
    refusedUs = nowUs
  }

  private mutating func noteReturn(_ entry: Away, _ request: Request, _ nowUs: Int64) {
    forget(entry)
    // A plan that was never launched took nothing away.
    guard entry.isReported else { return }
    awayUs += Self.awayGain * (Double(nowUs &- entry.sinceUs) - awayUs)
    besideTokens += Self.awayGain * (Double(entry.beside) - besideTokens)
    memories[Int(entry.slot)].returnedPlan = plans
    let found = entry.isCopied ? nil : max(0, request.computedTokens - entry.planned) / blockTokens
    survival.observe(
      blocks: ceilDivide(entry.computed, blockTokens), taken: max(0, takenBlocks - entry.takenBlocks), found: found)
  }

  /// A victim was chosen.
  mutating func note(_ slot: Int, _ request: Request, _ choice: PreemptionChoice, nowUs: Int64) {
    rate.take()
    if slot >= memories.count {
      memories.append(contentsOf: repeatElement(Memory(), count: slot + 1 - memories.count))
    }
    if memories[slot].serial != request.serial { memories[slot] = Memory(serial: request.serial) }
    memories[slot].preemptions += 1
    guard choice.verb != .truncate else { return }
    let isCopied = choice.verb == .swap
    if isCopied, !choice.toSSD { hostBytes += request.computedTokens * cost.bytesPerToken }
    away.removeAll { $0.slot == Int32(slot) }
    away.append(
      Away(
        slot: Int32(slot), serial: request.serial, computed: request.computedTokens, sinceUs: nowUs,
        takenBlocks: takenBlocks, isCopied: isCopied, isOnDisk: choice.toSSD))
  }

  /// Whether others should go first, so that nobody goes back and forth.
  func isResting(_ slot: Int, _ request: Request) -> Bool {
    guard slot < memories.count, memories[slot].serial == request.serial else { return false }
    return memories[slot].preemptions >= Self.shareMost
      || plans - memories[slot].returnedPlan < Int64(rules.restPlans)
  }

  // MARK: - Means

  /// Tokens of a victim that the cache is expected to hold still when it comes back.
  func expectedCachedTokens(computed: Int) -> Int {
    min(computed, Int(survival.expected(blocks: ceilDivide(computed, blockTokens))) * blockTokens)
  }

  /// Prefill tokens of others expected in the iteration in which a victim comes back.
  var expectedBesideTokens: Int { Int(besideTokens) }

  /// The means for a victim, by the policy.
  /// - Parameter recomputeUs: expected GPU time to compute it again.
  func choose(_ request: Request, recomputeUs: Int) -> PreemptionChoice {
    let tokens = request.computedTokens
    let hostUs = hasHostRoom(tokens) || !mayRequeue ? cost.hostUs(tokens: tokens) : nil
    let diskUs = cost.diskUs(tokens: tokens)
    let copyUs = [hostUs, diskUs].compactMap { $0 }.min()
    let toSSD = hostUs == nil || (diskUs ?? .max) < hostUs ?? .max
    let copies: Bool
    switch rules.means {
    case .byStrategy, .requeue: copies = false
    case .swap: copies = copyUs != nil
    case .cost: copies = copyUs.map { !mayRequeue || $0 < recomputeUs } ?? false
    }
    return PreemptionChoice(
      verb: copies ? .swap : .requeue, toSSD: copies && toSSD, recomputeUs: recomputeUs, copyUs: copyUs,
      costUs: copies ? copyUs ?? recomputeUs : recomputeUs)
  }

  private func hasHostRoom(_ tokens: Int) -> Bool {
    hostBytesMost.map { hostBytes + tokens * cost.bytesPerToken <= $0 } ?? true
  }

  // MARK: - Victims by what the mirror knows

  /// The next victim among the running, unblocked requests that `draft` has neither preempted nor left out; nil when
  /// there is none. O(running), and only when blocks are short.
  func nextVictim(_ table: RequestTable, _ classes: ClassResolver, _ draft: PlanDraft) -> Int? {
    let running = table.running
    if order == .lastAdmitted {
      for index in running.indices.reversed() where isEligible(Int(running[index]), table, draft) {
        return Int(running[index])
      }
      return nil
    }
    var best: Int?
    for slot in running.lazy.map(Int.init) where isEligible(slot, table, draft) {
      guard let current = best else {
        best = slot
        continue
      }
      if isBetterVictim(table.requests[slot], than: table.requests[current], classes) { best = slot }
    }
    return best
  }

  /// The first `victimsMax` victims, best first: whom the engine should take if an allocation fails.
  func victims(_ table: RequestTable, _ classes: ClassResolver, _ draft: PlanDraft) -> [Int] {
    if order == .lastAdmitted {
      return Array(
        table.running.reversed().lazy.map(Int.init).filter { isEligible($0, table, draft) }.prefix(Self.victimsMax))
    }
    var best: [Int] = []
    for slot in table.running.lazy.map(Int.init) where isEligible(slot, table, draft) {
      let request = table.requests[slot]
      let place = best.firstIndex { isBetterVictim(request, than: table.requests[$0], classes) } ?? best.count
      guard place < Self.victimsMax else { continue }
      best.insert(slot, at: place)
      if best.count > Self.victimsMax { best.removeLast() }
    }
    return best
  }

  func isEligible(_ slot: Int, _ table: RequestTable, _ draft: PlanDraft) -> Bool {
    // A blocked request keeps its blocks (session rule 15).
    guard !table.requests[slot].isBlocked else { return false }
    let mark = draft.mark(of: slot)
    return mark == .open || mark == .scheduled
  }

  /// Later in the running list wins ties, since the walk goes forward and asks for "at least as good".
  private func isBetterVictim(_ a: Request, than b: Request, _ classes: ClassResolver) -> Bool {
    switch order {
    case .lastAdmitted: return true
    case .lowestPriority:
      let (rankA, rankB) = (classes.resolvedRank(of: a.className), classes.resolvedRank(of: b.className))
      return rankA != rankB ? rankA > rankB : a.arrivalUs >= b.arrivalUs
    // Those two are ranked by the composing core; the cheapest to recompute stands in for them.
    case .leastComputed, .leastWorth, .cost: return a.computedTokens <= b.computedTokens
    }
  }
}
