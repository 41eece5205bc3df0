/// One iteration of the flagship (Docs/planner.md): decodes whose token is due, then whatever comes first by deadline,
/// as much as fits the time that the iteration may take.
extension SchedulerCore {
  /// Hopeless work fills only this share of an iteration's time beside its fixed cost: it must not make anybody else
  /// late, nor keep prompts that arrive meanwhile from the next iteration.
  static let hopelessShare = 0.4
  /// No prefill chunk is smaller, unless it is the last of its prompt.
  static let chunkLeast = 16
  /// Waiting requests looked at as urgent, and how soon they have to start for it.
  static let urgentMax = 16
  static let urgentLookedAt = 64
  static let urgentUs: Int64 = 600_000
  /// Relegated and hopeless requests tried in one iteration.
  static let lateMax = 8
  /// Share of the KV capacity that relegated, overdue and hopeless requests may fill.
  static let lateKVShare = 0.7
  /// A decode runs if its token would otherwise be due before the end of the iteration after this one.
  static let dueIterations: Int64 = 2
  /// While KV is short a stream's lead counts for no more tokens than this: what sits iterations out holds its KV for
  /// longer.
  static let leadTokens: Int64 = 2

  mutating func learn() {
    learnFromDrafts()
    mirror.takeEndings { goodput.outputs.observe(promptTokens: $0.promptTokens, outputTokens: $0.outputTokens) }
  }

  mutating func requeueGoodput(_ slot: Int, _ request: Request) {
    let index = request.isLive ? classes.classIndex(of: request.className, names: mirror.names) : 0
    let key = goodput.update(
      slot: slot, request: request, class: policy.classes[index], nowUs: mirror.nowUs, ids: mirror.table.ids)
    place(slot, request, key)
  }

  mutating func place(_ slot: Int, _ request: Request, _ key: SlotHeap.Key) {
    let weight = request.isLive ? tenantWeights.weight(of: request.tenant, names: mirror.names) : 1
    queue.update(slot: slot, request: request, key: key, tenantWeight: weight, ids: mirror.table.ids)
    noteGroup(slot, request, isLate: key.first != 0)
  }

  mutating func planGoodput(_ resources: ResourceSnapshot) {
    let startUs = mirror.unsettledPlans > 0 ? max(mirror.nowUs, goodput.busyUntilUs) : mirror.nowUs
    refreshStandings(startUs)
    var frame = GoodputFrame()
    swap(&frame, &goodput.frame)
    frame.open(startUs: startUs)
    openAdmission()
    scanRunning(&frame)
    noteUrgent(&frame)
    chooseAdapters(&frame)
    let fixedUs = goodput.time.fixedUs
    frame.setGap(fixedUs: fixedUs)
    IterationChoice(fixedUs: fixedUs).decide(&frame)
    serveDue(&frame)
    serveLateStreams(&frame)
    draftDue(&frame, resources)
    serveByDeadline(&frame)
    serveLate(&frame)
    serveAnyway(&frame)
    leaveOutDecodes(&frame)
    goodput.noteKV(refused: frame.refusedKVDensity > 0)
    let elapsedUs = goodput.time.elapsedUs(frame.features) + frame.draftUs + frame.loadUs
    goodput.busyUntilUs = startUs + Int64(frame.features.isEmpty ? 0 : elapsedUs)
    swap(&frame, &goodput.frame)
    scheduleAlone()
  }

  // MARK: - Candidates

  private mutating func scanRunning(_ frame: inout GoodputFrame) {
    let running = mirror.table.running
    // Planning never changes the mirror, so that the loop may look at its requests where they lie.
    let requests = mirror.table.requests
    let terms = DecodeTerms(
      startUs: frame.startUs, leadTokens: goodput.isKVScarce ? Self.leadTokens : nil, prices: goodput.time.prices)
    for slot in running.lazy.map(Int.init) {
      if requests.span[slot].isBlocked { continue }
      if batch.mayJoinDecodes(requests.span[slot]) {
        noteDecode(slot, requests.span[slot], terms, &frame)
      } else {
        noteOther(slot, requests[slot], &frame)
      }
    }
    frame.prefills.sort { ($0.key, $0.slot) < ($1.key, $1.slot) }
    frame.latePrefills.sort { ($0.key, $0.slot) < ($1.key, $1.slot) }
  }

  /// Prefills, and who takes no part in this iteration.
  private mutating func noteOther(_ slot: Int, _ request: Request, _ frame: inout GoodputFrame) {
    if let reason = batch.exclusion(request) {
      draft.leaveOut(slot: slot, handle: request.handle, reason: reason)
    } else {
      notePrefill(slot, request, &frame)
    }
  }

  @inline(__always)
  private mutating func noteDecode(
    _ slot: Int, _ request: Request, _ terms: DecodeTerms, _ frame: inout GoodputFrame
  ) {
    let tpotUs = goodput.jobs[slot].tpotUs
    let rest = goodput.outputs.expectedTokens(request)
    let firstUs = request.firstTokenUs >= 0 ? request.firstTokenUs : terms.startUs
    let lastUs = request.unsettledPlans > 0 || request.lastTokenUs < 0 ? terms.startUs : request.lastTokenUs
    var dueUs = firstUs + Int64(request.outputTokens) * tpotUs
    if let leadTokens = terms.leadTokens { dueUs = min(dueUs, terms.startUs + leadTokens * tpotUs) }
    let isHopeless = terms.startUs > dueUs + goodput.graceUs(tpotUs: tpotUs, restTokens: rest)
    let standing: GoodputPlanner.Standing = isHopeless ? .hopeless : .live
    if goodput.jobs[slot].standing != standing { goodput.setStanding(slot, standing) }
    let decode = GoodputFrame.Decode(
      slot: Int32(slot), handle: request.handle, adapter: request.adapter, contextTokens: request.computedTokens,
      dueUs: dueUs, gapDueUs: lastUs + tpotUs, tpotUs: Double(tpotUs),
      costUs: terms.prices.decodeUs(context: request.computedTokens), weight: goodput.jobs[slot].weight,
      restTokens: rest)
    guard !isHopeless else { return frame.hopelessDecodes.append(decode.stretched(lastUs: lastUs)) }
    frame.committedTokens += reservedTokens(request, rest)
    frame.decodes.append(decode)
  }

  private mutating func notePrefill(_ slot: Int, _ request: Request, _ frame: inout GoodputFrame) {
    let job = goodput.jobs[slot]
    let restUs = goodput.time.prefillUs(tokens: request.remainingTokens, prefix: request.computedTokens)
    let isStarving = goodput.isStarving(request, nowUs: frame.startUs)
    if isStarving {
      goodput.setStanding(slot, .starving)
    } else if request.firstTokenUs < 0, frame.startUs + Int64(restUs + goodput.time.fixedUs) > job.deadlineUs {
      if !job.standing.isLate { goodput.noteMiss() }
      goodput.setStanding(slot, .hopeless)
    } else if job.standing == .relegated {
      // What has begun is brought to its end.
      goodput.setStanding(slot, .live)
    }
    let prefill = GoodputFrame.Prefill(
      slot: Int32(slot), key: isStarving ? goodput.starvingKey(request) : goodput.liveKey(job, restUs: restUs),
      restUs: restUs, dueUs: job.deadlineUs, weight: job.weight)
    let standing = goodput.jobs[slot].standing
    guard isStarving || standing == .live || standing == .overdue else { return frame.latePrefills.append(prefill) }
    frame.committedTokens += reservedTokens(request, goodput.outputs.expectedTokens(request))
    frame.prefills.append(prefill)
    if standing == .live, request.firstTokenUs < 0 { frame.urgent.append(prefill) }
  }

  /// Tokens of KV that a request holds and is expected to need.
  @inline(__always)
  private func reservedTokens(_ request: Request, _ rest: Double) -> Double {
    Double(request.promptTokens + request.outputTokens) + GoodputPlanner.reservedShare * rest
  }

  /// The waiting requests that have to start soon. Those that gave way to more demand than there is time for are
  /// included, since longer iterations may save them; those below the line of value and those that lack room for their
  /// KV are not.
  private mutating func noteUrgent(_ frame: inout GoodputFrame) {
    goodput.beginUrgentWalk()
    var room = goodput.kvCapacityTokens - frame.committedTokens
    var taken = 0
    for _ in 0..<Self.urgentLookedAt where taken < Self.urgentMax {
      guard let (slot, latestUs) = goodput.nextUrgent(mirror.table.ids), latestUs < frame.startUs + Self.urgentUs
      else { return }
      let job = goodput.jobs[slot]
      let request = mirror.table.requests[slot]
      // Those of tenants that are ahead wait for the others: they count on nothing.
      guard queue.level(of: request) == 0 else { continue }
      taken += 1
      let own = reservedTokens(request, goodput.outputs.expectedTokens(request))
      guard request.firstTokenUs < 0, own <= room, !goodput.isBelowLine(job, nowUs: frame.startUs) else { continue }
      room -= own
      frame.urgent.append(
        GoodputFrame.Prefill(
          slot: Int32(slot), key: 0, restUs: job.prefillUs, dueUs: job.deadlineUs, weight: job.weight))
    }
  }

  // MARK: - Serving

  /// Decodes that cannot wait for the iteration after this one; all of them where the engine cannot leave one out.
  private mutating func serveDue(_ frame: inout GoodputFrame) {
    guard preemption.mayPause else {
      frame.addHopeless()
      return serveDecodes(&frame) { _ in true }
    }
    let horizonUs = frame.startUs + Self.dueIterations * frame.tauUs
    let spendsBank = frame.spendsBank
    // Who may be paused for the sake of other adapters gets ahead meanwhile.
    if residency.isOn, residency.isShort { return serveDecodes(&frame) { _ in true } }
    serveDecodes(&frame) { (spendsBank ? $0.dueUs : min($0.dueUs, $0.gapDueUs)) < horizonUs }
  }

  /// Streams that are late for good and stood still long enough.
  private mutating func serveLateStreams(_ frame: inout GoodputFrame) {
    frame.addHopeless()
    serveDecodes(dueBy: frame.startUs + frame.tauUs, frame.limitUs(margin: marginShare), &frame)
  }

  /// Runs the decodes that `isChosen` names, and takes them off the list.
  @inline(__always)
  private mutating func serveDecodes(_ frame: inout GoodputFrame, _ isChosen: (GoodputFrame.Decode) -> Bool) {
    // Out of the frame for the while: nothing else looks at them.
    var decodes: ContiguousArray<GoodputFrame.Decode> = []
    swap(&decodes, &frame.decodes)
    var features = frame.features
    var kept = 0
    for index in decodes.indices {
      if isChosen(decodes.span[index]) {
        serve(decodes.span[index], &features)
      } else {
        if kept < index { decodes[kept] = decodes[index] }
        kept += 1
      }
    }
    decodes.removeLast(decodes.count - kept)
    frame.features = features
    swap(&decodes, &frame.decodes)
  }

  /// The usual case, short: a token that needs no block and no adapter.
  @inline(__always)
  private mutating func serve(_ decode: GoodputFrame.Decode, _ features: inout IterationFeatures) {
    let slot = Int(decode.slot)
    guard draft.mark(of: slot) == .open else { return }
    if decode.adapter >= 0 || !budget.takeToken(at: decode.contextTokens) {
      guard makeRoom(for: decode) else { return }
    }
    draft.schedule(slot: slot, handle: decode.handle, n: 1, k: 0, isRunning: true)
    features.addDecode(context: decode.contextTokens)
  }

  /// False when the decode has no place in this iteration.
  private mutating func makeRoom(for decode: GoodputFrame.Decode) -> Bool {
    let slot = Int(decode.slot)
    guard budget.tokens > 0, budget.allows(adapter: decode.adapter) else {
      draft.leaveOut(slot: slot, handle: decode.handle, reason: .pausedBudget(tokens: budget.tokens))
      return false
    }
    if !budget.takeDecode(at: decode.contextTokens) {
      guard makeRoom(for: slot, mirror.table.requests[slot], tokens: 1) else { return false }
      budget.take(from: decode.contextTokens, tokens: 1)
    }
    budget.take(adapter: decode.adapter)
    return true
  }

  /// Share of an iteration's time that its plan leaves unused.
  var marginShare: Double { goodput.time.marginShare(withPrefill: true) }

  /// Prefills, and the decodes that can wait, by deadline while the time lasts; those that the choice of the
  /// iteration's length counted on go first.
  private mutating func serveByDeadline(_ frame: inout GoodputFrame) {
    let limitUs = frame.limitUs(margin: marginShare)
    guard serveStarving(limitUs, &frame) else { return serveDecodes(dueBy: .max, limitUs, &frame) }
    for slot in frame.kept.lazy.map(Int.init) where !servePrefill(slot, limitUs, kvShare: 1, &frame) { break }
    var nextRunning = 0
    queue.beginWalk(.live, level: 0)
    var waiting = nextWaiting(.live)
    while true {
      let running = nextRunning < frame.prefills.count ? frame.prefills[nextRunning] : nil
      let waitingKey = waiting.map { queue.key(of: $0).second } ?? .max
      guard running != nil || waiting != nil else { break }
      serveDecodes(dueBy: min(running?.key ?? .max, waitingKey), limitUs, &frame)
      if let running, running.key <= waitingKey {
        nextRunning += 1
        if !servePrefill(Int(running.slot), limitUs, kvShare: 1, &frame) { break }
      } else if let slot = waiting {
        if !servePrefill(slot, limitUs, kvShare: 1, &frame) { break }
        waiting = nextWaiting(.live)
      }
    }
    serveDecodes(dueBy: .max, limitUs, &frame)
  }

  /// Who waited so long that nobody goes before it. False when nobody after them may get anything.
  private mutating func serveStarving(_ limitUs: Int, _ frame: inout GoodputFrame) -> Bool {
    for prefill in frame.prefills {
      guard goodput.jobs[Int(prefill.slot)].standing == .starving else { break }
      guard servePrefill(Int(prefill.slot), limitUs, kvShare: 1, &frame) else { return false }
    }
    queue.beginWalk(.live, level: 0)
    while let slot = nextWaiting(.live), goodput.jobs[slot].standing == .starving {
      guard servePrefill(slot, limitUs, kvShare: 1, &frame) else { return false }
    }
    return true
  }

  /// Next waiting slot of the lane that is not in the plan; nil at the end of the level.
  private mutating func nextWaiting(_ lane: FlagshipQueue.Lane) -> Int? {
    while let slot = queue.next(lane, mirror.table.ids) {
      if draft.mark(of: slot) == .open { return slot }
    }
    return nil
  }

  private mutating func serveDecodes(dueBy us: Int64, _ limitUs: Int, _ frame: inout GoodputFrame) {
    guard !frame.decodes.isEmpty else { return }
    var all = frame.features
    for index in frame.decodes.indices where frame.decodes[index].dueUs <= us {
      all.addDecode(context: frame.decodes[index].contextTokens)
    }
    guard all.decodes > frame.features.decodes else { return }
    if goodput.time.elapsedUs(all) <= limitUs { return serveDecodes(&frame) { $0.dueUs <= us } }
    frame.sortDecodes()
    var count = 0
    var features = frame.features
    for decode in frame.decodes where decode.dueUs <= us {
      features.addDecode(context: decode.contextTokens)
      guard goodput.time.elapsedUs(features) <= limitUs else { break }
      count += 1
    }
    guard count > 0 else { return }
    for decode in frame.decodes.prefix(count) { serve(decode, &frame.features) }
    frame.decodes.removeFirst(count)
  }

  /// Gives a prefill, running or waiting, as much of the iteration as is left. False when nobody after it can get any.
  private mutating func servePrefill(
    _ slot: Int, _ limitUs: Int, kvShare: Double, _ frame: inout GoodputFrame
  ) -> Bool {
    guard draft.mark(of: slot) == .open else { return true }
    let request = mirror.table.requests[slot]
    guard request.isRunning else { return admit(slot, request, limitUs, kvShare: kvShare, &frame) }
    let tokens = chunk(request.remainingTokens, prefix: request.computedTokens, limitUs, frame.features)
    guard tokens >= min(Self.chunkLeast, request.remainingTokens) else { return false }
    guard makeRoom(for: slot, request, tokens: tokens) else { return true }
    take(slot, request, tokens: tokens, drafts: 0)
    frame.features.addPrefill(tokens: tokens, prefix: request.computedTokens)
    return tokens == request.remainingTokens
  }

  private mutating func admit(
    _ slot: Int, _ request: Request, _ limitUs: Int, kvShare: Double, _ frame: inout GoodputFrame
  ) -> Bool {
    guard draft.preemptedCount == 0, draft.shortOfBlocks == 0 else {
      bind(slot, .waitingPreemption(victims: draft.preemptedCount + draft.shortOfBlocks))
      return false
    }
    if batch.exclusion(request) != nil { return true }
    if let reason = pressure.objection(to: request) {
      bind(slot, reason)
      return true
    }
    guard mayServeAdapter(slot, request) else {
      bind(slot, .adapterLimit(adapters: budget.adapterCount))
      frame.adapterSkips += 1
      return frame.adapterSkips < AdmissionController.skipWindow
    }
    let own = reservedTokens(request, goodput.outputs.expectedTokens(request))
    let isOverdue = goodput.jobs[slot].standing == .overdue
    let room = goodput.kvCapacityTokens * (isOverdue ? Self.lateKVShare : kvShare) - frame.committedTokens
    let kvDensity = goodput.jobs[slot].kvDensity
    guard (own <= room && kvDensity >= frame.refusedKVDensity) || frame.committedTokens == 0 else {
      bind(slot, .waitingKV(missingBlocks: Int(own - room)))
      frame.isRefused = true
      // Room that frees up is kept for it: only what is worth more may pass, and nobody passes who starves.
      switch goodput.jobs[slot].standing {
      case .starving: frame.refusedKVDensity = .infinity
      case .live: frame.refusedKVDensity = max(frame.refusedKVDensity, kvDensity)
      case .relegated, .overdue, .hopeless: break
      }
      return true
    }
    let prefix = request.computedTokens == 0 ? request.cachedTokens : request.computedTokens
    let tokens = chunk(request.uncachedTokens, prefix: prefix, limitUs, frame.features)
    guard tokens >= min(Self.chunkLeast, request.uncachedTokens) else {
      bind(slot, .waitingBudget(tokens: tokens))
      return false
    }
    let decision = admission.decide(
      request, sized: (tokens, nil), budget: &budget, runningCount: mirror.table.sums.running + draft.admittedCount,
      promised: admission.promisedBlocks(mirror.table, draft, &budget))
    switch decision {
    case .stop(let reason):
      bind(slot, reason)
      return false
    case .skip(let reason):
      bind(slot, reason)
      return true
    case .admit:
      if request.isSwapped { budget.hold(computed: request.computedTokens) }
      noteAdmission(slot, request, &frame)
      take(slot, request, tokens: tokens, drafts: 0)
      admission.note(slot)
      budget.takeSequence()
      draft.countAdmission()
      draft.explain(request.handle, .admitted(tokens: tokens))
      frame.committedTokens += own
      frame.features.addPrefill(tokens: tokens, prefix: prefix)
      return tokens == request.uncachedTokens
    }
  }

  /// The largest chunk whose iteration stays within the limit. An engine that cannot be told a chunk's size gets whole
  /// prompts: what fits, or the first one alone.
  private func chunk(_ remaining: Int, prefix: Int, _ limitUs: Int, _ features: IterationFeatures) -> Int {
    func fits(_ tokens: Int) -> Bool {
      var trial = features
      trial.addPrefill(tokens: tokens, prefix: prefix)
      return goodput.time.elapsedUs(trial) <= limitUs
    }
    let most = min(remaining, budget.tokens)
    guard batch.mayChunk else {
      return features.prefillTokens == 0 || most == remaining && fits(most) ? max(0, most) : 0
    }
    guard most > 0, !fits(most) else { return max(0, most) }
    var (low, high) = (0, most)
    while high - low > 1 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// What hopeless work fills the model's part of an iteration to: all of it while tenants compete, since one that is
  /// behind would never catch up if its being late were a reason to serve it less.
  private func hopelessUs(tauUs: Double, draftUs: Int, limitUs: Int) -> Int {
    guard !queue.hasTenantsAhead else { return limitUs }
    let fixedUs = min(goodput.time.fixedUs, tauUs)
    return Int(fixedUs + (tauUs - fixedUs) * Self.hopelessShare) - draftUs
  }

  /// Relegated and hopeless requests use the time that is left.
  private mutating func serveLate(_ frame: inout GoodputFrame) {
    let limitUs = frame.limitUs(margin: marginShare)
    let hopelessUs = hopelessUs(tauUs: Double(frame.tauUs), draftUs: frame.draftUs, limitUs: limitUs)
    for prefill in frame.latePrefills where !servePrefill(Int(prefill.slot), hopelessUs, kvShare: 1, &frame) { break }
    serveDecodes(dueBy: .max, hopelessUs, &frame)
    serveWaitingLate(limitUs, hopelessUs, &frame)
  }

  /// Somebody runs, if anybody can: by predictions that are too long nobody would, nothing would be measured, and they
  /// would stay too long.
  private mutating func serveAnyway(_ frame: inout GoodputFrame) {
    guard frame.features.isEmpty else { return }
    serveDecodes(dueBy: .max, .max, &frame)
    for prefill in frame.prefills where frame.features.isEmpty {
      _ = servePrefill(Int(prefill.slot), .max, kvShare: 1, &frame)
    }
    for prefill in frame.latePrefills where frame.features.isEmpty {
      _ = servePrefill(Int(prefill.slot), .max, kvShare: 1, &frame)
    }
    for level in 0..<TenantLines.levels {
      for lane in [FlagshipQueue.Lane.live, .late] { serveAnyway(lane, level: level, &frame) }
    }
  }

  private mutating func serveAnyway(_ lane: FlagshipQueue.Lane, level: Int, _ frame: inout GoodputFrame) {
    guard frame.features.isEmpty else { return }
    queue.beginWalk(lane, level: level)
    var tried = 0
    while frame.features.isEmpty, tried < Self.lateMax, let slot = nextWaiting(lane) {
      tried += 1
      guard servePrefill(slot, .max, kvShare: 1, &frame) else { return }
    }
  }

  private mutating func leaveOutDecodes(_ frame: inout GoodputFrame) {
    let decodes = frame.decodes.span
    for index in decodes.indices where draft.mark(of: Int(decodes[index].slot)) == .open {
      draft.leaveOut(
        slot: Int(decodes[index].slot), handle: decodes[index].handle, reason: .pausedBudget(tokens: budget.tokens))
    }
  }

  /// Waiting requests that are late, and after them those of tenants that are ahead of others who wait: nothing of
  /// theirs starts while something of the others could have.
  private mutating func serveWaitingLate(_ limitUs: Int, _ hopelessUs: Int, _ frame: inout GoodputFrame) {
    guard queue.hasTenantsAhead else {
      _ = serveWaitingLate(level: 0, limitUs, hopelessUs, kvShare: Self.lateKVShare, &frame)
      return
    }
    for level in 0..<TenantLines.levels {
      if level > 0 {
        // Room that frees up is kept for who was refused it.
        guard !frame.isRefused, serveWaitingLive(level: level, limitUs, &frame) else { return }
      }
      guard serveWaitingLate(level: level, limitUs, hopelessUs, kvShare: 1, &frame) else { return }
    }
  }

  /// False when nobody after them may get anything.
  private mutating func serveWaitingLive(level: Int, _ limitUs: Int, _ frame: inout GoodputFrame) -> Bool {
    queue.beginWalk(.live, level: level)
    while let slot = nextWaiting(.live) {
      guard servePrefill(slot, limitUs, kvShare: 1, &frame), !frame.isRefused else { return false }
    }
    return true
  }

  private mutating func serveWaitingLate(
    level: Int, _ limitUs: Int, _ hopelessUs: Int, kvShare: Double, _ frame: inout GoodputFrame
  ) -> Bool {
    queue.beginWalk(.late, level: level)
    var tried = 0
    while let slot = nextWaiting(.late) {
      tried += 1
      guard tried <= Self.lateMax else { return false }
      let isHopeless = goodput.jobs[slot].standing == .hopeless
      guard servePrefill(slot, isHopeless ? hopelessUs : limitUs, kvShare: kvShare, &frame) else { return false }
    }
    return true
  }
}
