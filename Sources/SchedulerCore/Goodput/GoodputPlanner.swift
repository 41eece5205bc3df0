/// What the flagship knows beside the mirror: deadlines, standings, and the estimates that they rest on. The idea, the
/// formulas and what each part is worth are in Docs/planner.md.
///
/// Every iteration is sized by the time until the tightest request's next token is due. Requests that cannot all be
/// served in time give way by value per cost; nobody gives way for ever, and the time that is left is theirs.
struct GoodputPlanner: Codable, Sendable {
  /// Whether a request counts on being served in time.
  enum Standing: UInt8, Codable, Sendable {
    /// It waited so long that it goes before everybody, lest it wait longer than the policy allows.
    case starving
    case live
    /// Its deadline could be met, but not together with those of worthier requests.
    case relegated
    /// It missed its deadline, and counts on another.
    case overdue
    /// Its deadline cannot be met any more.
    case hopeless

    /// Whether it missed its first deadline.
    var isLate: Bool { self == .overdue || self == .hopeless }
  }

  /// What the planner knows about one slot beside the mirror's request.
  struct Job: Codable, Sendable {
    var serial: RequestSerial = 0
    /// When the next output token is due: TTFT for a fresh request, else counted from the first token.
    var deadlineUs: Int64 = 0
    var ttftUs: Int64 = 0
    var tpotUs: Int64 = 0
    var weight = 1.0
    var standing = Standing.live
    /// GPU time of the prefill still to do, in microseconds.
    var prefillUs = 0.0
    /// Weight per microsecond of GPU time of the whole request.
    var density = 0.0
    /// Weight per token and microsecond of KV held.
    var kvDensity = 0.0
  }

  /// The waiting order adds this many times a prefill's GPU time to its deadline: short ones first where all are late.
  static let alpha = 6.0
  /// Cost of a request beside its tokens, in microseconds.
  static let requestCostUs = 200.0
  /// Standings are looked at anew this often.
  static let relegationEveryUs: Int64 = 50_000
  /// A request that is behind is served at least at this share of its TPOT.
  static let floor = 0.8
  /// Share of the tokens still expected that admission sets aside for a request: not all peak at once.
  static let reservedShare = 0.25
  /// A request whose TPOT is loose holds its KV for longer: it gets a token once in so many iterations.
  private static let paceIterations = 2.0
  /// A request that missed its deadline gets another, so many times its TTFT from now.
  private static let overdueTimes: Int64 = 10
  /// Where a larger share of the requests is late, all of them wait for the others.
  private static let overdueShareMost = 0.1
  private static let tokenUsGain = 0.05
  private static let kvRefusalGain = 0.005

  var time: TimeEstimator
  var outputs = OutputEstimator()
  private(set) var gpuLoad = LoadWindow()
  private(set) var kvLoad = LoadWindow()
  var bins = DemandBins()
  var frame = GoodputFrame()
  private(set) var jobs: ContiguousArray<Job> = []
  /// Waiting slots by the last moment at which they can start and be in time.
  private(set) var expiry = SlotHeap()
  /// Waiting slots by arrival that are not starving yet; empty without a bound on waiting.
  private var patience = SlotHeap()
  /// Age from which a request is starving, in microseconds; nil: never.
  private var starvingUs: Int64?
  private var late: PolicyConfig.Late
  let kvCapacityTokens: Double
  /// When the plans that are out will be done, as far as predicted.
  var busyUntilUs: Int64 = .min
  private var lookedAtUs: Int64 = .min
  private var kvRefusals = 0.0
  /// The tightest TPOT among live requests, in microseconds.
  var tightestTPOTUs: Double = 50_000
  /// Mean time between two tokens of a running request, in microseconds.
  private(set) var tokenUs = 25_000.0

  init(engine: EngineDescription, policy: PolicyConfig) {
    time = TimeEstimator(policy.timeModel ?? .guess(engine))
    kvCapacityTokens = KVGeometry(engine.model).capacityTokens
    starvingUs = Self.starvingUs(policy)
    late = policy.late
  }

  /// Keeps what was learned unless the policy brings another model.
  mutating func setPolicy(_ policy: PolicyConfig) {
    if let model = policy.timeModel { time = TimeEstimator(model) }
    starvingUs = Self.starvingUs(policy)
    late = policy.late
    lookedAtUs = .min
  }

  mutating func observe(_ observation: IterationObservation) {
    time.observe(observation)
    tokenUs += Self.tokenUsGain * (Double(observation.elapsedUs) - tokenUs)
  }

  // MARK: - Jobs

  /// Takes note of a request that arrived or changed; returns its key in the waiting order.
  mutating func update(
    slot: Int, request: Request, class requestClass: PolicyConfig.RequestClass, nowUs: Int64,
    ids: ContiguousArray<String>
  ) -> SlotHeap.Key {
    if slot >= jobs.count { jobs.append(contentsOf: repeatElement(Job(), count: slot + 1 - jobs.count)) }
    guard request.isLive else {
      stopWaiting(slot, ids)
      return SlotHeap.Key(0)
    }
    let before = jobs[slot]
    jobs[slot] = describe(request, requestClass)
    if before.serial != request.serial {
      noteArrival(slot, request)
    } else if before.standing == .overdue, !request.isDecoding {
      postpone(slot, to: before.deadlineUs)
    }
    guard request.isCandidate else {
      stopWaiting(slot, ids)
      return SlotHeap.Key(0)
    }
    guard !isStarving(request, nowUs: nowUs) else {
      starve(slot, ids)
      return key(slot, request)
    }
    if starvingUs != nil { patience.insert(slot, SlotHeap.Key(request.arrivalUs), ids) }
    let latestUs = latestStart(request, jobs[slot])
    if jobs[slot].standing == .overdue {
      expiry.remove(slot, ids)
    } else if latestUs < nowUs {
      jobs[slot].standing = .hopeless
      expiry.remove(slot, ids)
    } else {
      if isBelowLine(jobs[slot], nowUs: nowUs) { jobs[slot].standing = .relegated }
      expiry.insert(slot, SlotHeap.Key(latestUs), ids)
    }
    return key(slot, request)
  }

  private func describe(_ request: Request, _ requestClass: PolicyConfig.RequestClass) -> Job {
    var job = Job(serial: request.serial)
    let tpotMs = request.tpotSLOMs > 0 ? request.tpotSLOMs : requestClass.tpotSLOMs
    let ttftMs = request.ttftSLOMs > 0 ? request.ttftSLOMs : requestClass.ttftSLOMs
    job.ttftUs = Int64(ttftMs) * 1000
    job.tpotUs = Int64(tpotMs) * 1000
    job.weight = Double(requestClass.weight)
    job.deadlineUs =
      request.firstTokenUs >= 0
      ? request.firstTokenUs + Int64(request.outputTokens) * job.tpotUs : request.arrivalUs + job.ttftUs
    let prefix = request.computedTokens == 0 ? request.cachedTokens : request.computedTokens
    job.prefillUs = time.prefillUs(tokens: request.uncachedTokens, prefix: prefix)
    let rest = outputs.expectedTokens(request)
    let context = request.promptTokens + request.outputTokens
    job.density = job.weight / (job.prefillUs + rest * time.decodeUs(context: context) + Self.requestCostUs)
    let paceUs = min(Double(job.tpotUs), Self.paceIterations * tokenUs)
    job.kvDensity = job.weight / ((Double(context) + rest / 2) * (rest * paceUs + job.prefillUs))
    return job
  }

  private mutating func noteArrival(_ slot: Int, _ request: Request) {
    let job = jobs[slot]
    gpuLoad.arrive(cost: job.weight / job.density, density: job.density)
    kvLoad.arrive(cost: job.weight / job.kvDensity, density: job.kvDensity)
  }

  /// Last moment to start a waiting request and be in time.
  private func latestStart(_ request: Request, _ job: Job) -> Int64 {
    let latest = job.deadlineUs - Int64(job.prefillUs + time.fixedUs)
    return request.firstTokenUs >= 0
      ? latest + graceUs(tpotUs: job.tpotUs, restTokens: outputs.expectedTokens(request)) : latest
  }

  /// How late a decode may be and still catch up by running faster than its TPOT.
  func graceUs(tpotUs: Int64, restTokens: Double) -> Int64 {
    tpotUs + Int64(restTokens * Double(tpotUs) * (1 - Self.floor))
  }

  /// Place in the waiting order: live ones by deadline and work, then relegated ones by value, then the hopeless.
  func key(_ slot: Int, _ request: Request) -> SlotHeap.Key {
    let job = jobs[slot]
    switch job.standing {
    case .starving: return SlotHeap.Key(0, starvingKey(request), 0)
    case .live, .overdue: return SlotHeap.Key(0, liveKey(job), request.arrivalUs)
    case .relegated: return SlotHeap.Key(1, -Int64(job.density * 1e12), request.arrivalUs)
    case .hopeless: return SlotHeap.Key(2, request.arrivalUs, 0)
    }
  }

  private func liveKey(_ job: Job) -> Int64 { job.deadlineUs + Int64(Self.alpha * job.prefillUs) }

  /// A running prefill's place among the live, with `restUs` of GPU time to go.
  func liveKey(_ job: Job, restUs: Double) -> Int64 { job.deadlineUs + Int64(Self.alpha * restUs) }

  // MARK: - Starvation

  /// A request goes before everybody at 7/8 of the bound: the rest is for those that starve at the same time.
  private static func starvingUs(_ policy: PolicyConfig) -> Int64? {
    policy.starvationBoundMs.map { Int64($0) * 1_000 * 7 / 8 }
  }

  func isStarving(_ request: Request, nowUs: Int64) -> Bool {
    guard let starvingUs else { return false }
    return request.arrivalUs <= nowUs &- starvingUs
  }

  /// A starving request's place among the live: before all of them, by arrival.
  func starvingKey(_ request: Request) -> Int64 { .min / 2 &+ request.arrivalUs }

  /// Next waiting slot that begins to starve; its standing is changed already.
  mutating func nextStarving(nowUs: Int64, ids: ContiguousArray<String>) -> Int? {
    guard let starvingUs, let slot = patience.first, patience.key(of: slot).first <= nowUs &- starvingUs else {
      return nil
    }
    starve(slot, ids)
    return slot
  }

  private mutating func starve(_ slot: Int, _ ids: ContiguousArray<String>) {
    setStanding(slot, .starving)
    stopWaiting(slot, ids)
  }

  private mutating func stopWaiting(_ slot: Int, _ ids: ContiguousArray<String>) {
    expiry.remove(slot, ids)
    patience.remove(slot, ids)
  }

  // MARK: - Standings

  /// Moves the load windows on and says whether standings are due to be looked at anew.
  mutating func advance(nowUs: Int64) -> Bool {
    gpuLoad.advance(nowUs: nowUs, capacity: gpuShare, isScarce: false)
    kvLoad.advance(nowUs: nowUs, capacity: kvCapacityTokens, isScarce: isKVScarce)
    guard lookedAtUs == .min || nowUs - lookedAtUs >= Self.relegationEveryUs else { return false }
    lookedAtUs = nowUs
    return true
  }

  /// Share of the time that iterations of the tightest TPOT leave for work.
  var gpuShare: Double { max(0.1, 1 - time.fixedUs / tightestTPOTUs) }

  /// Whether more valuable requests than this one fill the machine: its GPU time or its KV, whichever is scarcer.
  /// A request whose deadline is further off than the load is known back may still find a calmer time; KV it would
  /// keep from others at once.
  func isBelowLine(_ job: Job, nowUs: Int64) -> Bool {
    guard gpuLoad.isOn || kvLoad.isOn else { return false }
    if isKVScarce { return job.kvDensity < kvLoad.line }
    return job.deadlineUs - nowUs < Int64(LoadWindow.windowUs) && job.density < gpuLoad.line
  }

  /// Whether live requests were refused for want of KV in most of the last iterations.
  var isKVScarce: Bool { kvRefusals > 0.5 }

  /// Notes whether this iteration refused a live request for want of KV.
  mutating func noteKV(refused: Bool) { kvRefusals += Self.kvRefusalGain * ((refused ? 1 : 0) - kvRefusals) }

  /// Next waiting slot that can no longer make it; its standing is changed already.
  mutating func nextExpired(nowUs: Int64, ids: ContiguousArray<String>) -> Int? {
    guard let slot = expiry.first, expiry.key(of: slot).first < nowUs else { return nil }
    expiry.remove(slot, ids)
    setStanding(slot, .hopeless)
    noteMiss()
    return slot
  }

  mutating func setStanding(_ slot: Int, _ standing: Standing) { jobs[slot].standing = standing }

  // MARK: - Late requests

  /// Whether requests that missed their deadline may get another: while few do, and no line is drawn.
  var servesLateSoon: Bool {
    late == .soon && !gpuLoad.isOn && !kvLoad.isOn && gpuLoad.missedShare < Self.overdueShareMost
  }

  /// When a request that missed its deadline is due: as it was told already, if that can be.
  func overdueUs(_ job: Job, nowUs: Int64) -> Int64 {
    if job.standing == .overdue, job.deadlineUs > nowUs + Int64(job.prefillUs + time.fixedUs) { return job.deadlineUs }
    return nowUs + Self.overdueTimes * job.ttftUs
  }

  /// Gives a request that missed its deadline another.
  mutating func postpone(_ slot: Int, to deadlineUs: Int64) {
    jobs[slot].standing = .overdue
    jobs[slot].deadlineUs = deadlineUs
  }

  /// A request's first token cannot be in time any more.
  mutating func noteMiss() {
    gpuLoad.miss()
    kvLoad.miss()
  }

  mutating func beginUrgentWalk() { expiry.beginWalk() }

  /// Next waiting slot by urgency, with the last moment to start it.
  mutating func nextUrgent(_ ids: ContiguousArray<String>) -> (slot: Int, latestUs: Int64)? {
    guard let slot = expiry.next(ids) else { return nil }
    return (slot, expiry.key(of: slot).first)
  }

  // MARK: - Victims

  /// Hopeless first, then relegated, then the lowest weight, then whoever is cheapest to compute again. O(running), and
  /// only when blocks are short.
  func nextVictim(_ table: RequestTable, _ draft: PlanDraft) -> Int? {
    var best: Int?
    for slot in table.running.lazy.map(Int.init) where !table.requests[slot].isBlocked {
      let mark = draft.mark(of: slot)
      guard mark == .open || mark == .scheduled else { continue }
      if let current = best, !isBetterVictim(slot, than: current, table) { continue }
      best = slot
    }
    return best
  }

  private func isBetterVictim(_ a: Int, than b: Int, _ table: RequestTable) -> Bool {
    let (x, y) = (jobs[a], jobs[b])
    if x.standing != y.standing { return x.standing.rawValue > y.standing.rawValue }
    if x.weight != y.weight { return x.weight < y.weight }
    return table.requests[a].computedTokens <= table.requests[b].computedTokens
  }
}
