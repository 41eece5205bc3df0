/// What a run achieved. Times are virtual unless they say otherwise.
public struct Scorecard: Sendable {
  public var policy: String
  public var profile: String
  private(set) var classes: [ClassScore]
  private(set) var all: ClassScore
  private var tenants: [String: TenantScore] = [:]
  private(set) var goodTokens = 0
  private(set) var tokens = 0
  private(set) var sheds = 0

  public private(set) var iterations = 0
  public private(set) var preemptions = 0
  public private(set) var recomputedTokens = 0
  public private(set) var computedTokens = 0
  public private(set) var cachedTokens = 0
  /// Prompt tokens that were computed, those computed again included.
  private(set) var prefilledTokens = 0
  /// What became of cached prefix blocks, and the tokens of one.
  var prefix = PrefixCounts()
  var blockTokens = 0
  public private(set) var refusedItems = 0
  private var occupancySum = 0.0
  private(set) var occupancyMax = 0.0
  private var fragmentationSum = 0.0
  private(set) var fragmentationMax = 0.0
  private(set) var busyUs = 0
  private(set) var gaps = TokenGaps()
  var fairness = FairnessTracker()
  /// Of the scheduler's waiting-time estimates; empty where nobody looked.
  var waits = WaitScore()
  private(set) var choices = PreemptionChoices()
  private(set) var cpuTraffic = OffloadTraffic()
  private(set) var ssdTraffic = OffloadTraffic()
  private(set) var draftedTokens = 0
  private(set) var acceptedTokens = 0
  private(set) var adapterLoads = 0
  private(set) var gpuLosses = 0
  private(set) var transferredBytes = 0
  /// Changes of roles while it ran, and how many engines only prefilled at its end; nil where roles were fixed.
  public internal(set) var roleChanges: Int?
  public internal(set) var prefillEngines: Int?
  /// Engines that served, each with a GPU or more of its own.
  private(set) var instances = 1
  /// Of one instance; nil when nobody said.
  public var pricePerHour: Double?
  /// Virtual time of the whole run.
  public var makespanUs: Int64 = 0
  /// Virtual time in which the counted requests arrived and were served.
  public var countedUs: Int64 = 0
  /// Real time of the whole run.
  public var wallUs = 0
  /// Real time of each Step's round trip, as the engine saw it; in process it is the scheduler's own time.
  public private(set) var roundTripNs = Histogram()

  public init(policy: String, profile: String, mix: ClassMix) {
    self.policy = policy
    self.profile = profile
    classes = mix.entries.map {
      ClassScore(name: $0.name, ttftSLOMs: $0.ttftSLOMs, tpotSLOMs: $0.tpotSLOMs, weight: $0.weight)
    }
    all = ClassScore(name: "all", ttftSLOMs: 0, tpotSLOMs: 0, weight: 1)
  }

  public var requests: Int { all.requests }

  // MARK: - What the engine reports

  mutating func add(_ outcome: RequestOutcome) {
    let isGood = classes[outcome.classIndex].isGood(outcome)
    let isStrictlyGood = classes[outcome.classIndex].isStrictlyGood(outcome)
    classes[outcome.classIndex].add(outcome, isGood: isGood, isStrictlyGood: isStrictlyGood)
    all.add(outcome, isGood: isGood, isStrictlyGood: isStrictlyGood)
    let outcomeTokens = outcome.promptTokens + outcome.outputTokens
    tokens += outcomeTokens
    tenants[outcome.tenant, default: TenantScore()].add(tokens: outcomeTokens, isGood: isGood)
    if isGood { goodTokens += outcomeTokens }
    if outcome.isShed { sheds += 1 }
  }

  /// - Parameters:
  ///   - occupancy: share of the KV blocks that are held.
  ///   - fragmentation: share of the held blocks' tokens that hold nothing.
  mutating func addIteration(elapsedUs: Int, tokens: Int, occupancy: Double, fragmentation: Double) {
    iterations += 1
    busyUs += elapsedUs
    computedTokens += tokens
    occupancySum += occupancy
    occupancyMax = max(occupancyMax, occupancy)
    fragmentationSum += fragmentation
    fragmentationMax = max(fragmentationMax, fragmentation)
  }

  mutating func addPreemption(recomputedTokens: Int) {
    preemptions += 1
    self.recomputedTokens += recomputedTokens
  }

  mutating func addGap(us: Int, hadPreemption: Bool) { gaps.add(us, hadPreemption: hadPreemption) }
  mutating func addCached(_ tokens: Int) { cachedTokens += tokens }
  mutating func addPrefilled(_ tokens: Int) { prefilledTokens += tokens }
  mutating func addRefusal() { refusedItems += 1 }
  mutating func addRoundTrip(ns: Int) { roundTripNs.add(ns) }

  mutating func addDrafts(_ drafted: Int, accepted: Int) {
    draftedTokens += drafted
    acceptedTokens += accepted
  }

  mutating func addOffload(isCPU: Bool, bytesOut: Int, bytesIn: Int, us: Int) {
    if isCPU {
      cpuTraffic.add(bytesOut: bytesOut, bytesIn: bytesIn, us: us)
    } else {
      ssdTraffic.add(bytesOut: bytesOut, bytesIn: bytesIn, us: us)
    }
  }

  mutating func addChoice(copied: Bool, copyUs: Int, recomputeUs: Int) {
    choices.add(copied: copied, copyUs: copyUs, recomputeUs: recomputeUs)
  }

  /// KV that was lost outside the GPU, or by truncation; negative for what the cache gave back.
  mutating func addRecomputed(_ tokens: Int) { recomputedTokens += tokens }
  mutating func addAdapterLoads(_ count: Int) { adapterLoads += count }
  mutating func addGPULoss() { gpuLosses += 1 }
  mutating func addTransfer(bytes: Int) { transferredBytes += bytes }

  /// Nobody waits for a gap any more.
  mutating func close() { gaps.flush() }

  // MARK: - Several instances

  /// Adds what another instance of the same run achieved. Real time is the run's, not a sum.
  mutating func merge(_ other: Scorecard) {
    for index in classes.indices { classes[index].merge(other.classes[index]) }
    all.merge(other.all)
    tenants.merge(other.tenants) { $0.merged(with: $1) }
    goodTokens += other.goodTokens
    tokens += other.tokens
    sheds += other.sheds
    iterations += other.iterations
    preemptions += other.preemptions
    recomputedTokens += other.recomputedTokens
    computedTokens += other.computedTokens
    cachedTokens += other.cachedTokens
    refusedItems += other.refusedItems
    prefilledTokens += other.prefilledTokens
    prefix.merge(other.prefix)
    blockTokens = max(blockTokens, other.blockTokens)
    occupancySum += other.occupancySum
    occupancyMax = max(occupancyMax, other.occupancyMax)
    fragmentationSum += other.fragmentationSum
    fragmentationMax = max(fragmentationMax, other.fragmentationMax)
    busyUs += other.busyUs
    gaps.merge(other.gaps)
    fairness.merge(other.fairness)
    waits.merge(other.waits)
    choices.merge(other.choices)
    cpuTraffic.merge(other.cpuTraffic)
    ssdTraffic.merge(other.ssdTraffic)
    addDrafts(other.draftedTokens, accepted: other.acceptedTokens)
    adapterLoads += other.adapterLoads
    gpuLosses += other.gpuLosses
    transferredBytes += other.transferredBytes
    instances += other.instances
    makespanUs = max(makespanUs, other.makespanUs)
    countedUs = max(countedUs, other.countedUs)
    roundTripNs.merge(other.roundTripNs)
  }

  // MARK: - What people and programs read

  private func perSecond(_ count: Int, _ us: Int64) -> Double { Double(count) / max(1e-6, Double(us) / 1_000_000) }

  /// Requests within their SLO per second of virtual time.
  public var goodputRequestsPerS: Double { perSecond(all.good, countedUs) }
  var goodputTokensPerS: Double { perSecond(goodTokens, countedUs) }

  /// Goodput over a bound on it.
  func boundShare(_ boundRequestsPerS: Double) -> Double {
    boundRequestsPerS > 0 ? goodputRequestsPerS / boundRequestsPerS : 0
  }

  /// Share of the prompt tokens to be served that the prefix cache had; nil when there were none.
  public var hitRatio: Double? {
    let all = cachedTokens + prefilledTokens
    return all > 0 ? Double(cachedTokens) / Double(all) : nil
  }

  /// Prompt tokens included.
  var tokensPerS: Double { perSecond(tokens, countedUs) }

  /// Share of the KV blocks that are held, over iterations.
  var meanOccupancy: Double { iterations == 0 ? 0 : occupancySum / Double(iterations) }

  /// Share of the held blocks' tokens that hold nothing, over iterations.
  var meanFragmentation: Double { iterations == 0 ? 0 : fragmentationSum / Double(iterations) }

  public var withinSLORatio: Double { all.withinSLORatio }
  public var strictRatio: Double { all.strictRatio }

  /// Share within SLO of the class that fares worst; 1 when nothing was counted.
  public var worstClassRatio: Double { classes.lazy.map(\.withinSLORatio).min() ?? 1 }
  public var worstClassStrictRatio: Double { classes.lazy.map(\.strictRatio).min() ?? 1 }

  /// Share within SLO with each request counted by its class's weight.
  public var weightedRatio: Double {
    let weight = classes.reduce(0) { $0 + $1.weight * $1.requests }
    return weight == 0 ? 1 : Double(classes.reduce(0) { $0 + $1.weight * $1.good }) / Double(weight)
  }

  /// Share of the time in which an iteration ran, over all instances.
  var busyRatio: Double { Double(busyUs) / max(1, Double(makespanUs) * Double(instances)) }

  /// Price of the run over its tokens; nil without a price or tokens.
  func pricePerMillion(_ tokens: Int) -> Double? {
    guard let pricePerHour, tokens > 0 else { return nil }
    let hours = Double(countedUs) / 3_600_000_000
    return pricePerHour * Double(instances) * hours * 1_000_000 / Double(tokens)
  }

  /// Tokens of the tenant served most over those of the tenant served least; nil with fewer than two.
  var tenantServiceRatio: Double? {
    guard tenants.count > 1, let most = tenants.values.lazy.map(\.tokens).max(),
      let least = tenants.values.lazy.map(\.tokens).min(), least > 0
    else {
      return nil
    }
    return Double(most) / Double(least)
  }

  /// Mean of the tenants' shares within SLO: each counts once, however much it sends. 1 without requests.
  var tenantMeanRatio: Double {
    guard !tenants.isEmpty else { return 1 }
    // In order of the names, so that the sum is the same in every process.
    let ratios = tenants.sorted { $0.key < $1.key }.map(\.value.withinSLORatio)
    return ratios.reduce(0, +) / Double(ratios.count)
  }
}
