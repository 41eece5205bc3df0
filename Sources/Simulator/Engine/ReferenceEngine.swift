import SchedulerCore
import WireProtocol

/// A model server in virtual time: it speaks the real protocol, takes its iteration times from a GPU profile, keeps its
/// own truth about requests, blocks and prefix cache, checks every plan, and fails loudly.
///
/// It moves from Step to Step: `dueUs` says when the next one is due, and an `EngineLoop` brings it there.
public struct ReferenceEngine {
  /// Arrivals in one Step (session rule 11).
  static let arrivalsMax = 256
  /// Steps in a row of which nothing ran, with requests waiting and nothing to come, before the run is given up.
  static let idleStepsMax = 1_000
  /// Pause after an empty plan without a hold.
  private static let idleUs = 1_000

  let engine: EngineDescription
  let profile: GPUProfile
  let options: EngineOptions
  /// What part of a request it serves from now on.
  private(set) var role: EngineRole
  let mix: ClassMix
  var link: any SchedulerLink
  private let workload: any Workload
  var queue: EngineQueue
  var check: PlanCheck
  public internal(set) var scorecard: Scorecard
  public internal(set) var timeline = Timeline()
  /// Requests that arrive later are served and not counted, so that the end of a trace flatters nobody.
  public var countsArrivalsUntilUs: Int64 = .max

  var nowUs: Int64 = 0
  /// When the next Step is due; `Int64.max` while there is nothing to do.
  private(set) var dueUs: Int64 = .max
  var seq: UInt64 = 0
  var epoch: UInt64 = 0
  var delta = StepDelta()
  var reply = StepReply()
  var work: [StepPlan.Item] = []
  var unsettled: [LaunchedIteration] = []
  private var names = NameList()
  /// Arrived and not yet part of a Step, in order of arrival.
  private var inbox: [EngineArrival] = []
  private var inboxHead = 0
  /// Handed-over requests whose KV waits for blocks.
  private var landing: [EngineArrival] = []
  /// Requests that did their prefill here and decode elsewhere, until the loop takes them.
  var outbox: [EngineArrival] = []
  /// Requests that ended here, until the loop takes them.
  var ended: [EndedRequest] = []
  /// Handles whose absolute state the next Step carries.
  var changed: [RequestHandle] = []
  private var spotTurn = 0
  private var idleSteps = 0
  private var isFirstStep = true
  /// The last plan was empty: an arrival calls for a Step at once.
  private var isWaiting = true

  /// Requests that wait for their prefix to come back.
  var keptBack: [KeptBack] = []
  var cpuTier: SwapTier
  var ssdTier: SwapTier
  /// Time of transfers and loads that the next iteration pays for.
  var owedUs = 0
  /// Preempted by a verb and not back, and those that came back in this iteration.
  var away: [RequestHandle: AwayRequest] = [:]
  var returned: [(tokens: Int, cached: Int, isCopied: Bool, copyUs: Int)] = []
  var adapters: ResidentAdapters
  let acceptance: HiddenAcceptance?
  /// Output tokens that reached their users.
  var producedTokens = 0

  public init(
    profile: GPUProfile, options: EngineOptions, mix: ClassMix, workload: any Workload, link: any SchedulerLink
  ) {
    engine = options.description(profile)
    var profile = profile
    if let overheadUs = options.overheadUs { profile.time.overheadUs = overheadUs }
    self.profile = profile
    self.options = options
    role = options.role
    self.mix = mix
    self.link = link
    self.workload = workload
    queue = EngineQueue(
      engine, prefixCaching: options.prefixCaching, tier: Self.prefixTier(options, engine, self.profile))
    check = PlanCheck(engine)
    scorecard = Scorecard(policy: link.policyName, profile: profile.name, mix: mix)
    scorecard.fairness.batchTokens = engine.model.pools[0].blocks * engine.model.kvGroups[0].blockTokens
    cpuTier = SwapTier(
      bytes: options.swap?.cpuBytes ?? 0,
      bytesPerS: options.swap.map { $0.cpuBytesPerS ?? Double(profile.hostLinkBytesPerS) } ?? 0)
    ssdTier = SwapTier(bytes: options.swap?.ssdBytes ?? 0, bytesPerS: options.swap?.ssdBytesPerS ?? 0)
    adapters = ResidentAdapters(capacity: options.adapters?.resident ?? 0)
    acceptance = options.speculation.map { HiddenAcceptance(options: $0, seed: options.seed) }
  }

  private static func prefixTier(
    _ options: EngineOptions, _ engine: EngineDescription, _ profile: GPUProfile
  ) -> PrefixTier? {
    guard let prefix = options.prefix, prefix.tierBytes > 0 else { return nil }
    return PrefixTier(
      bytes: prefix.tierBytes, blockBytes: engine.model.kvGroups[0].blockTokens * profile.kvBytesPerToken,
      bytesPerS: prefix.tierBytesPerS ?? Double(profile.hostLinkBytesPerS))
  }

  /// Runs the whole workload on this instance alone.
  /// - Parameters:
  ///   - clock: real monotonic nanoseconds: for round trips and progress only.
  ///   - onProgress: called a few times per second of real time; returning false ends the run early.
  public mutating func run(
    clock: () -> Int, onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> Scorecard {
    var loop = EngineLoop(engines: [self], workload: workload)
    let scorecard = try loop.run(clock: clock, onProgress: onProgress)
    self = loop.engines[0]
    return scorecard
  }

  // MARK: - What the loop does with it

  mutating func register() throws(EngineRunError) {
    epoch = try link.register(engine)
    let prefixBytesPerS = options.prefix.flatMap { prefix in
      prefix.tierBytes > 0 ? Int(prefix.tierBytesPerS ?? Double(profile.hostLinkBytesPerS)) : nil
    }
    guard options.swap != nil || prefixBytesPerS != nil else { return }
    let swap = options.swap
    link.setBandwidths(
      hostLink: swap.map { $0.cpuBytes > 0 } ?? false ? Int(cpuTier.bytesPerS) : prefixBytesPerS,
      disk: swap.map { $0.ssdBytes > 0 } ?? false ? Int(ssdTier.bytesPerS) : nil)
  }

  var hasWork: Bool {
    !queue.liveHandles.isEmpty || !unsettled.isEmpty || inboxHead < inbox.count || !landing.isEmpty
  }

  /// Requests here, waiting ones included: what a router compares.
  var load: Int { queue.liveHandles.count + inbox.count - inboxHead + landing.count }

  /// Nothing happened for so long, although requests are here, that nothing will.
  var isStuck: Bool { idleSteps >= Self.idleStepsMax }

  /// Prompts on the way to the next Step that still need their prefill.
  var waitingPromptTokens: Int {
    inbox[inboxHead...].reduce(0) { $0 + ($1.progress == nil ? $1.work.promptTokens : 0) }
  }

  mutating func take(_ arrival: EngineArrival) {
    inbox.append(arrival)
    idleSteps = 0
    if isWaiting { dueUs = min(dueUs, max(nowUs, arrival.dueUs)) }
  }

  /// One Step, its plan, and when the next is due.
  mutating func step(_ clock: () -> Int) throws(EngineRunError) {
    nowUs = max(nowUs, dueUs)
    while let oldest = unsettled.first, oldest.endUs <= nowUs { settleOldest() }
    let landedUs = nowUs
    queue.changeCache { $0.settleTransfers(nowUs: landedUs) }
    takeArrivals()
    finishDelta()
    let sentNs = clock()
    try link.step(delta, into: &reply)
    scorecard.addRoundTrip(ns: clock() - sentNs)
    link.judgeWaits(delta)
    delta.removeAll()
    isFirstStep = false
    try launch()
    sampleFairness()
    scheduleNext()
  }

  /// Moves the clock of an instance that does nothing.
  mutating func idle(until timeUs: Int64) { nowUs = max(nowUs, timeUs) }

  /// The run is over.
  mutating func close() {
    scorecard.makespanUs = nowUs
    scorecard.countedUs = min(nowUs, countsArrivalsUntilUs)
    scorecard.waits = link.waitScore
    queue.changeCache { $0.close() }
    scorecard.prefix = queue.cache.counts
    scorecard.blockTokens = engine.model.kvGroups[0].blockTokens
    scorecard.close()
  }

  /// Requests that decode here stay where they are; only first tokens from now on are handed over.
  mutating func change(to role: EngineRole) { self.role = role }

  /// Nothing happens before this; then a Step.
  mutating func suspend(until timeUs: Int64) {
    nowUs = timeUs
    dueUs = hasWork ? timeUs : .max
    isWaiting = true
  }

  // MARK: - The Step

  private mutating func takeArrivals() {
    var waiting: [EngineArrival] = []
    swap(&waiting, &landing)
    for arrival in waiting { admit(arrival) }
    while inboxHead < inbox.count, inbox[inboxHead].dueUs <= nowUs, delta.arrived.h.count < Self.arrivalsMax {
      let arrival = inbox[inboxHead]
      inboxHead += 1
      admit(arrival)
    }
    if inboxHead == inbox.count || inboxHead > Self.arrivalsMax {
      inbox.removeFirst(inboxHead)
      inboxHead = 0
    }
  }

  private mutating func admit(_ arrival: EngineArrival) {
    guard canEverFit(arrival.work) else { return refuse(arrival.work) }
    guard arrival.progress == nil || queue.hasRoom(forTokens: arrival.work.promptTokens) else {
      landing.append(arrival)
      return
    }
    scorecard.fairness.noteArrival(inputTokens: arrival.work.promptTokens)
    let h = queue.insert(arrival.work, seq: seq + 1, oldestUnsettled: unsettled.first?.seq)
    announce(h, arrival.work)
    guard let progress = arrival.progress else { return }
    queue.land(h, computed: arrival.work.promptTokens)
    queue.update(h) { request in
      request.knownOutput = 1
      request.firstTokenUs = progress.firstTokenUs
      request.lastTokenUs = progress.firstTokenUs
      request.preemptions = progress.preemptions
    }
    reportState(h)
  }

  private mutating func announce(_ h: RequestHandle, _ work: WorkloadRequest) {
    let entry = mix.entries[work.classIndex]
    delta.arrived.h.append(h)
    delta.arrived.id.append(work.id)
    delta.arrived.tenant.append(names.index(of: work.tenant, added: &delta.names))
    delta.arrived.requestClass.append(names.index(of: entry.name, added: &delta.names))
    delta.arrived.prompt.append(work.promptTokens)
    delta.arrived.maxOutput.append(
      options.knownOutputLengths ? work.outputTokens : max(1, engine.limits.length - work.promptTokens))
    delta.arrived.ageUs.append(nowUs - work.arrivalUs)
    let hitTokens = queue.hitTokens(h)
    delta.arrived.cachedTokens.append(hitTokens)
    queue.update(h) { $0.expectedHitTokens = hitTokens }
    delta.arrived.ttftSLOMs.append(entry.ttftSLOMs)
    delta.arrived.tpotSLOMs.append(entry.tpotSLOMs)
    namePrefix(h, hitTokens: hitTokens)
    guard options.adapters != nil else { return }
    let adapter = work.adapter < 0 ? -1 : names.index(of: "adapter-\(work.adapter)", added: &delta.names)
    delta.arrived.adapter.append(adapter)
  }

  /// An engine refuses at the door what its KV pool or its length limit can never hold (session rule 14).
  private func canEverFit(_ work: WorkloadRequest) -> Bool {
    let tokens = work.promptTokens + work.outputTokens
    let blockTokens = engine.model.kvGroups[0].blockTokens
    return tokens <= engine.limits.length && (tokens + blockTokens - 1) / blockTokens <= queue.cache.totalBlocks
  }

  private mutating func refuse(_ work: WorkloadRequest) {
    ended.append(EndedRequest(arrivalUs: work.arrivalUs, outputTokens: 0, isInTime: false))
    guard work.arrivalUs <= countsArrivalsUntilUs else { return }
    scorecard.add(
      RequestOutcome(
        classIndex: work.classIndex, tenant: work.tenant, promptTokens: work.promptTokens, outputTokens: 0,
        ttftUs: nil, tpotUs: 0, maxGapUs: 0, isShed: true))
  }

  private mutating func finishDelta() {
    seq += 1
    delta.epoch = epoch
    delta.seq = seq
    delta.nowUs = nowUs
    delta.kvFreeBlocks.append(queue.cache.freeBlocks)
    if engine.takesPrefixVerbs { delta.kvCachedBlocks.append(queue.cache.evictableBlocks) }
    reportKeptBack()
    delta.check = queue.sums
    if isFirstStep { delta.launched.mode = .none }
    fillState()
    guard !queue.liveHandles.isEmpty else { return }
    spotTurn = (spotTurn + 1) % queue.liveHandles.count
    let h = queue.liveHandles[spotTurn]
    let request = queue[h]
    delta.spot = StepDelta.Spot(
      h: h, computed: request.computed, output: request.output, running: request.isRunning,
      blocked: request.isBlocked)
  }

  mutating func reportState(_ h: RequestHandle) {
    if !changed.contains(h) { changed.append(h) }
  }

  /// State is absolute as at sending time, so that it is read no earlier.
  private mutating func fillState() {
    guard !changed.isEmpty else { return }
    for h in changed where queue[h].isLive {
      let request = queue[h]
      delta.state.h.append(h)
      delta.state.computed.append(request.computed)
      delta.state.output.append(request.output)
      delta.state.running.append(request.isRunning)
    }
    changed.removeAll(keepingCapacity: true)
  }

  // MARK: - Time

  private mutating func scheduleNext() {
    isWaiting = false
    let isRunning = unsettled.contains { !$0.items.isEmpty }
    idleSteps = isRunning || queue.liveHandles.isEmpty ? 0 : idleSteps + 1
    guard unsettled.count < engine.inFlightMax, reply.run.isEmpty, work.isEmpty else {
      dueUs = unsettled.count < engine.inFlightMax ? nowUs : unsettled[0].endUs
      return
    }
    isWaiting = true
    // Nothing was planned: the next result, the next arrival, or the end of the hold, whatever comes first.
    let arrivalUs = min(
      inboxHead < inbox.count ? max(nowUs, inbox[inboxHead].dueUs) : .max, max(nowUs, queue.cache.nextLandingUs))
    if let oldest = unsettled.first {
      dueUs = min(oldest.endUs, arrivalUs)
    } else if hasWork {
      dueUs = min(nowUs + Int64(reply.holdUs ?? Self.idleUs), arrivalUs)
    } else {
      dueUs = .max
    }
  }

  private mutating func sampleFairness() {
    guard scorecard.fairness.isDue(nowUs) else { return }
    let difference = scorecard.fairness.sample(nowUs) { [queue] in queue.wasBacklogged($0) }
    queue.beginBacklogSample()
    timeline.addServiceDifference(difference, atUs: nowUs)
  }
}
