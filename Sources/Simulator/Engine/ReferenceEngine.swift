import SchedulerCore
import WireProtocol

/// A model server in virtual time: it speaks the real protocol, takes its iteration times from a GPU profile, keeps its
/// own truth about requests, blocks and prefix cache, checks every plan, and fails loudly.
public struct ReferenceEngine {
  /// Arrivals in one Step (session rule 11).
  static let arrivalsMax = 256
  /// Empty plans in a row, with requests waiting and nothing to come, before the run is given up.
  static let emptyPlansMax = 1_000

  let engine: EngineDescription
  let profile: GPUProfile
  let mix: ClassMix
  var link: any SchedulerLink
  var workload: any Workload
  var queue: EngineQueue
  var check: PlanCheck
  public internal(set) var scorecard: Scorecard
  public internal(set) var timeline = Timeline()
  /// Requests that arrive later are served and not counted, so that the end of a trace flatters nobody.
  public var countsArrivalsUntilUs: Int64 = .max

  var nowUs: Int64 = 0
  var seq: UInt64 = 0
  var epoch: UInt64 = 0
  var delta = StepDelta()
  var reply = StepReply()
  var work: [StepPlan.Item] = []
  var unsettled: [LaunchedIteration] = []
  var names = NameList()
  var upcoming: WorkloadRequest?
  var spotTurn = 0
  var emptyPlans = 0
  var isFirstStep = true

  public init(
    profile: GPUProfile, options: EngineOptions, mix: ClassMix, workload: any Workload, link: any SchedulerLink
  ) {
    engine = options.description(profile)
    var profile = profile
    if let overheadUs = options.overheadUs { profile.time.overheadUs = overheadUs }
    self.profile = profile
    self.mix = mix
    self.link = link
    self.workload = workload
    queue = EngineQueue(engine, prefixCaching: options.prefixCaching)
    check = PlanCheck(engine)
    scorecard = Scorecard(policy: link.policyName, profile: profile.name, mix: mix)
  }

  /// Runs the whole workload.
  /// - Parameters:
  ///   - clock: real monotonic nanoseconds: for round trips and progress only.
  ///   - onProgress: called a few times per second of real time; returning false ends the run early.
  public mutating func run(
    clock: () -> Int, onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> Scorecard {
    let startNs = clock()
    var nextProgressNs = startNs
    epoch = try link.register(engine)
    upcoming = try nextArrival()
    nowUs = upcoming?.arrivalUs ?? 0
    while upcoming != nil || !queue.liveHandles.isEmpty || !unsettled.isEmpty {
      try iterate(clock)
      let nowNs = clock()
      guard nowNs >= nextProgressNs else { continue }
      nextProgressNs = nowNs + Self.progressNs
      if !onProgress(progress(nowNs - startNs)) { break }
    }
    link.finish()
    scorecard.makespanUs = nowUs
    scorecard.wallUs = (clock() - startNs) / 1000
    _ = onProgress(progress(clock() - startNs))
    return scorecard
  }

  private static let progressNs = 200_000_000

  private func progress(_ wallNs: Int) -> RunProgress {
    RunProgress(
      finishedRequests: scorecard.requests, totalRequests: workload.totalRequests, iterations: scorecard.iterations,
      virtualUs: nowUs, wallUs: wallNs / 1000)
  }

  mutating func nextArrival() throws(EngineRunError) -> WorkloadRequest? {
    do throws(WorkloadError) { return try workload.next() } catch { throw .workload(error) }
  }

  /// One Step, its plan, and the time until the next.
  private mutating func iterate(_ clock: () -> Int) throws(EngineRunError) {
    try takeArrivals()
    finishDelta()
    let sentNs = clock()
    try link.step(delta, into: &reply)
    scorecard.addRoundTrip(ns: clock() - sentNs)
    delta.removeAll()
    isFirstStep = false
    try launch()
    try passTime()
  }

  // MARK: - The Step

  private mutating func takeArrivals() throws(EngineRunError) {
    while let work = upcoming, work.arrivalUs <= nowUs, delta.arrived.h.count < Self.arrivalsMax {
      upcoming = try nextArrival()
      guard canEverFit(work) else {
        refuse(work)
        continue
      }
      let h = queue.insert(work, seq: seq + 1, oldestUnsettled: unsettled.first?.seq)
      delta.arrived.h.append(h)
      delta.arrived.id.append(work.id)
      delta.arrived.tenant.append(names.index(of: work.tenant, added: &delta.names))
      delta.arrived.requestClass.append(names.index(of: mix.entries[work.classIndex].name, added: &delta.names))
      delta.arrived.prompt.append(work.promptTokens)
      delta.arrived.maxOutput.append(max(1, engine.limits.length - work.promptTokens))
      delta.arrived.ageUs.append(nowUs - work.arrivalUs)
      delta.arrived.cachedTokens.append(queue.hitTokens(h))
      delta.arrived.ttftSLOMs.append(mix.entries[work.classIndex].ttftSLOMs)
      delta.arrived.tpotSLOMs.append(mix.entries[work.classIndex].tpotSLOMs)
    }
  }

  /// An engine refuses at the door what its KV pool or its length limit can never hold (session rule 14).
  private func canEverFit(_ work: WorkloadRequest) -> Bool {
    let tokens = work.promptTokens + work.outputTokens
    let blockTokens = engine.model.kvGroups[0].blockTokens
    return tokens <= engine.limits.length && (tokens + blockTokens - 1) / blockTokens <= queue.cache.totalBlocks
  }

  private mutating func refuse(_ work: WorkloadRequest) {
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
    delta.check = queue.sums
    if isFirstStep { delta.launched.mode = .none }
    guard !queue.liveHandles.isEmpty else { return }
    spotTurn = (spotTurn + 1) % queue.liveHandles.count
    let h = queue.liveHandles[spotTurn]
    let request = queue[h]
    delta.spot = StepDelta.Spot(
      h: h, computed: request.computed, output: request.output, running: request.isRunning, blocked: false)
  }

  // MARK: - Time

  /// Moves on to when the next Step is due.
  private mutating func passTime() throws(EngineRunError) {
    if unsettled.count >= engine.inFlightMax {
      settleOldest()
    } else if reply.run.isEmpty, work.isEmpty {
      try passIdleTime()
    }
  }

  /// Nothing was planned: the next result, the next arrival, or the end of the hold, whatever comes first.
  private mutating func passIdleTime() throws(EngineRunError) {
    if let oldest = unsettled.first, oldest.endUs <= upcoming?.arrivalUs ?? .max { return settleOldest() }
    let holdUs = Int64(reply.holdUs ?? Self.idleUs)
    if let arrivalUs = upcoming?.arrivalUs, queue.liveHandles.isEmpty || arrivalUs < nowUs + holdUs {
      nowUs = max(nowUs, arrivalUs)
    } else {
      nowUs += holdUs
    }
    let isHopeless = upcoming == nil && unsettled.isEmpty && !queue.liveHandles.isEmpty
    emptyPlans = isHopeless ? emptyPlans + 1 : 0
    guard emptyPlans < Self.emptyPlansMax else { throw .stuck(seq: seq, requests: queue.liveHandles.count) }
  }

  /// Pause after an empty plan without a hold.
  private static let idleUs = 1_000

  private mutating func settleOldest() {
    let iteration = unsettled.removeFirst()
    nowUs = max(nowUs, iteration.endUs)
    delta.settled.seq.append(iteration.seq)
    delta.settled.elapsedUs.append(Int64(iteration.elapsedUs))
    delta.settled.acceptedEnd.append(0)
    for item in iteration.items where queue[item.h].isLive {
      queue.update(item.h) { $0.inFlight -= 1 }
      if item.samples { receiveToken(item.h) }
    }
  }

  private mutating func receiveToken(_ h: RequestHandle) {
    let nowUs = nowUs
    let tpotSLOUs = Int64(mix.entries[queue[h].classIndex].tpotSLOMs) * 1000
    queue.update(h) { request in
      request.knownOutput += 1
      if request.firstTokenUs < 0 {
        request.firstTokenUs = nowUs
      } else {
        let gapUs = nowUs - request.lastTokenUs
        request.maxGapUs = max(request.maxGapUs, gapUs)
        if gapUs > tpotSLOUs { request.lateGaps += 1 }
      }
      request.lastTokenUs = nowUs
    }
    if queue[h].knownOutput >= queue[h].wantedOutput { end(h, .stop) }
  }

  mutating func end(_ h: RequestHandle, _ cause: StepDelta.RemovalCause) {
    defer {
      queue.remove(h, seq: seq + 1)
      delta.removed.append(h)
      delta.removedWhy.append(cause)
    }
    let request = queue[h]
    guard request.arrivalUs <= countsArrivalsUntilUs else { return }
    let hasTokens = request.firstTokenUs >= 0
    scorecard.add(
      RequestOutcome(
        classIndex: request.classIndex, tenant: queue.tenant(of: h), promptTokens: request.promptTokens,
        outputTokens: request.knownOutput, ttftUs: hasTokens ? Int(request.firstTokenUs - request.arrivalUs) : nil,
        tpotUs: hasTokens ? Int(request.lastTokenUs - request.firstTokenUs) / max(1, request.knownOutput - 1) : 0,
        maxGapUs: Int(request.maxGapUs), isShed: cause == .shed))
  }
}
