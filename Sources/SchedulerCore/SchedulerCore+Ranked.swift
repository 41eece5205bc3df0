/// One iteration of the ranked strategy: running and waiting requests in one order, served from one budget. Who gets
/// nothing is left out and keeps its blocks; it gives them back when a better one needs them.
/// O(running log running + admitted log waiting).
extension SchedulerCore {
  /// The ranked strategy, on an engine that can pause: on another, running requests go on and ranks order the waiting.
  var servesByRank: Bool { policy.batchStrategy == .ranked && preemption.mayPause }

  mutating func planRanked() {
    rankRunning()
    ranked.features = IterationFeatures()
    let startUs = mirror.unsettledPlans > 0 ? max(mirror.nowUs, ranked.busyUntilUs) : mirror.nowUs
    ranked.limitUs = ranked.sizesByTime ? iterationLimit(startUs) : .max
    if ranked.servesDecodesFirst {
      for entry in ranked.order where mirror.table.requests[Int(entry.slot)].isDecoding { serveRunning(entry) }
    }
    serveByRank()
    leaveOutUnserved()
    ranked.busyUntilUs =
      startUs &+ Int64(ranked.features.isEmpty ? 0 : goodput.time.elapsedUs(ranked.features))
  }

  // MARK: - Ranks

  /// Brings ranks up to date that time alone changes.
  mutating func refreshRanks() {
    for slot in ranked.takeMoved(nowUs: mirror.nowUs, mirror.table) { enqueue(Int(slot)) }
    if ranked.isSelectionDue(nowUs: mirror.nowUs) { selectByMooreHodgson() }
  }

  private mutating func rankRunning() {
    var order = ranked.order
    ranked.order = []
    order.removeAll(keepingCapacity: true)
    for slot in mirror.table.running.lazy.map(Int.init) where !mirror.table.requests[slot].isBlocked {
      let request = mirror.table.requests[slot]
      let facts = facts(request)
      refreshRank(slot, request, facts)
      order.append(RankedPlanner.Ranked(slot: Int32(slot), key: rankKey(slot, request, facts)))
    }
    let ids = mirror.table.ids
    order.sort { $0.key != $1.key ? $0.key < $1.key : ids[Int($0.slot)] < ids[Int($1.slot)] }
    ranked.order = order
  }

  private mutating func refreshRank(_ slot: Int, _ request: Request, _ facts: QueueFacts) {
    switch policy.ordering {
    case .mlfq:
      ranked.update(slot: slot, request: request, facts: facts, ids: mirror.table.ids)
      ranked.levels.promoteRunning(slot: slot, request: request, nowUs: mirror.nowUs)
    case .qoserve, .mooreHodgson:
      guard ranked.standing(of: slot) != .hopeless, let latest = RankedPlanner.latestStart(request, facts) else {
        return
      }
      if latest &- facts.fixedUs < mirror.nowUs { ranked.setStanding(slot, .hopeless) }
    default: break
    }
  }

  /// Key of a running request, comparable with those of waiting ones. Where tenants take turns, and there is no order
  /// between requests, running ones come first.
  private mutating func rankKey(_ slot: Int, _ request: Request, _ facts: QueueFacts) -> SlotHeap.Key {
    if let key = queue.starvingKey(request, nowUs: mirror.nowUs) { return key }
    if policy.ordering.isRanked { return ranked.key(slot: slot, request: request, facts: facts) }
    return queue.takesTurns ? SlotHeap.Key(.min) : queue.key(slot, request, facts)
  }

  /// Shortest time until the next token of a decode is due, among those that are still expected to be in time.
  private mutating func iterationLimit(_ startUs: Int64) -> Int64 {
    var limitUs = RankedPlanner.longestUs
    for entry in ranked.order where ranked.standing(of: Int(entry.slot)) == .live {
      let request = mirror.table.requests[Int(entry.slot)]
      guard request.isDecoding else { continue }
      limitUs = min(limitUs, ranked.patienceUs(request, facts(request), startUs: startUs))
    }
    return Int64(Double(limitUs) * (1 - RankedPlanner.margin))
  }

  /// Who is given up so that all others are in time: first by their prefills and the deadlines of first tokens, beside
  /// the decodes that run; then by all their work and the deadlines of last tokens.
  private mutating func selectByMooreHodgson() {
    var slots: [Int] = []
    queue.beginWalk(ids: mirror.table.ids)
    while let slot = queue.next(mirror.table.ids) {
      if ranked.standing(of: slot) != .hopeless { slots.append(slot) }
    }
    var prefills: [MooreHodgson.Job] = []
    var wholes: [MooreHodgson.Job] = []
    var decodeShare = 0.0
    var tightestUs = Double(RankedPlanner.longestUs)
    for slot in mirror.table.running.lazy.map(Int.init) + slots {
      let request = mirror.table.requests[slot]
      let facts = facts(request)
      let dueUs = Double(ranked.nextTokenDue(request, facts) &- mirror.nowUs)
      let restUs = Double(max(0, request.maxOutputTokens - request.outputTokens - 1)) * Double(facts.tpotSLOMs) * 1_000
      let isFixed = request.isRunning
      tightestUs = min(tightestUs, Double(facts.tpotSLOMs) * 1_000)
      wholes.append(
        .init(
          slot: Int32(slot), workUs: Double(facts.prefillUs + facts.decodeUs), dueUs: dueUs + restUs, isFixed: isFixed))
      if request.isDecoding {
        decodeShare += goodput.time.decodeUs(context: request.computedTokens) / (Double(facts.tpotSLOMs) * 1_000)
      } else {
        prefills.append(.init(slot: Int32(slot), workUs: Double(facts.prefillUs), dueUs: dueUs, isFixed: isFixed))
      }
    }
    let speed = max(0.1, 1 - goodput.time.fixedUs / tightestUs)
    let givenUp = Set(MooreHodgson.givenUp(prefills, speed: max(0.1, speed - decodeShare)))
    let late = Set(MooreHodgson.givenUp(wholes.filter { !givenUp.contains($0.slot) }, speed: speed))
    for slot in slots {
      let standing: RankedPlanner.Standing =
        givenUp.contains(Int32(slot)) || late.contains(Int32(slot)) ? .relegated : .live
      guard standing != ranked.standing(of: slot) else { continue }
      ranked.setStanding(slot, standing)
      enqueue(slot)
    }
  }

  // MARK: - Serving

  /// Everybody who is not served yet, by rank, until somebody cannot be.
  private mutating func serveByRank() {
    queue.beginWalk(admitting: true, ids: mirror.table.ids)
    openAdmission()
    var waiting = queue.next(mirror.table.ids)
    var nextRunning = 0
    while true {
      while nextRunning < ranked.order.count, draft.mark(of: Int(ranked.order[nextRunning].slot)) != .open {
        nextRunning += 1
      }
      let running = nextRunning < ranked.order.count ? ranked.order[nextRunning] : nil
      if let slot = waiting, running.map({ precedes(slot, $0) }) ?? true {
        guard admitByRank(slot) else {
          waiting = nil
          continue
        }
        waiting = queue.next(mirror.table.ids)
      } else if let running {
        serveRunning(running)
        nextRunning += 1
      } else {
        return
      }
    }
  }

  private func precedes(_ waiting: Int, _ running: RankedPlanner.Ranked) -> Bool {
    guard !queue.takesTurns else { return false }
    let key = queue.key(of: waiting)
    return key != running.key ? key < running.key : mirror.table.ids[waiting] < mirror.table.ids[Int(running.slot)]
  }

  private mutating func serveRunning(_ entry: RankedPlanner.Ranked) {
    let slot = Int(entry.slot)
    guard draft.mark(of: slot) == .open else { return }
    let request = mirror.table.requests[slot]
    if let reason = batch.exclusion(request) {
      return draft.leaveOut(slot: slot, handle: request.handle, reason: reason)
    }
    guard budget.allows(adapter: request.adapter), draft.items.count < batchLimit else { return }
    let sized = batch.tokens(for: request, wanted: request.remainingTokens, drafts: 0, budgetTokens: budget.tokens)
    let tokens = fitting(sized.tokens, request, prefix: request.computedTokens)
    guard tokens > 0, makeRoom(for: slot, request, tokens: tokens) else { return }
    take(slot, request, tokens: tokens, drafts: 0)
    ranked.features.add(request, tokens: tokens)
    if request.remainingTokens > tokens { draft.explain(request.handle, sized.reason ?? .chunkBudget(tokens: tokens)) }
  }

  /// False when nobody after it may be admitted.
  private mutating func admitByRank(_ slot: Int) -> Bool {
    let request = mirror.table.requests[slot]
    if let reason = pressure.objection(to: request) {
      bind(slot, reason)
      return true
    }
    guard batch.exclusion(request) == nil else { return true }
    guard preemptsToAdmit || draft.preemptedCount + draft.shortOfBlocks == 0 else {
      bind(slot, .waitingPreemption(victims: draft.preemptedCount + draft.shortOfBlocks))
      return false
    }
    guard draft.items.count < batchLimit else {
      bind(slot, .waitingSequences(sequences: draft.items.count))
      return false
    }
    var sized = batch.tokens(for: request, wanted: request.uncachedTokens, drafts: 0, budgetTokens: budget.tokens)
    let prefix = request.computedTokens == 0 ? request.cachedTokens : request.computedTokens
    let tokens = fitting(sized.tokens, request, prefix: prefix)
    if tokens < sized.tokens { sized = (tokens, tokens > 0 ? .chunkBudget(tokens: tokens) : .waitingBudget(tokens: 0)) }
    while true {
      switch decideRoom(request, sized) {
      case .admit(let tokens, let chunk):
        admit(slot, request, tokens, prefix, chunk)
        return true
      case .skip(let reason):
        bind(slot, reason)
        return true
      case .stop(let reason):
        guard preemptsToAdmit, reason.isAboutRoom, preemptBelow(queue.key(of: slot)) else {
          bind(slot, reason)
          return false
        }
      }
    }
  }

  /// A request that was swapped out needs the blocks of all it has computed, beside those it grows by.
  private mutating func decideRoom(
    _ request: Request, _ sized: (tokens: Int, reason: Reason?)
  ) -> AdmissionController.Decision {
    let target = request.computedTokens + sized.tokens
    if request.computedTokens > 0, sized.tokens > 0 {
      let missing = budget.missingBlocks(from: 0, to: target, keepWatermark: mirror.table.sums.running > 0)
      if missing > 0 { return .stop(.waitingKV(missingBlocks: missing)) }
    }
    return decide(request, sized)
  }

  private mutating func admit(_ slot: Int, _ request: Request, _ tokens: Int, _ prefix: Int, _ chunk: Reason?) {
    budget.hold(computed: request.computedTokens)
    take(slot, request, tokens: tokens, drafts: 0)
    admission.note(slot)
    notePeak(request)
    budget.takeSequence()
    draft.countAdmission()
    queue.admit(slot, request: request, ids: mirror.table.ids)
    draft.explain(request.handle, chunk ?? .admitted(tokens: tokens))
    if request.isDecoding {
      ranked.features.addDecode(context: request.computedTokens)
    } else {
      ranked.features.addPrefill(tokens: tokens, prefix: prefix)
    }
  }

  /// Most tokens, up to `most`, with which the iteration stays within its time. A decode always does.
  private func fitting(_ most: Int, _ request: Request, prefix: Int) -> Int {
    guard ranked.sizesByTime, !request.isDecoding, most > 0 else { return most }
    func fits(_ tokens: Int) -> Bool {
      var trial = ranked.features
      trial.addPrefill(tokens: tokens, prefix: prefix)
      return Int64(goodput.time.elapsedUs(trial)) <= ranked.limitUs
    }
    if fits(most) { return most }
    var low = 0
    var high = most
    while high - low > 1 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    return low
  }

  // MARK: - Room

  private var preemptsToAdmit: Bool { ranked.preemptsToAdmit(hostTier: pressure.allowsHostTier) }

  /// The running request of lowest rank that may be preempted for `slot`; nil when all that are left rank higher. It is
  /// the request itself when nobody else runs at all: blocked requests hold the rest, and somebody has to give way.
  func rankedVictim(for slot: Int) -> Int? {
    for entry in ranked.order.reversed() {
      guard Int(entry.slot) != slot else { return draft.items.isEmpty ? slot : nil }
      let mark = draft.mark(of: Int(entry.slot))
      if mark == .open || mark == .scheduled { return Int(entry.slot) }
    }
    return nil
  }

  /// Preempts the running request of lowest rank if it ranks below `key`.
  private mutating func preemptBelow(_ key: SlotHeap.Key) -> Bool {
    guard let entry = ranked.order.last(where: { draft.mark(of: Int($0.slot)) == .open }), key < entry.key else {
      return false
    }
    let request = mirror.table.requests[Int(entry.slot)]
    guard preemption.isWithinRate, preemption.mayPreempt(request) else { return false }
    requeue(Int(entry.slot), request, reason: nil)
    budget.returnSequence()
    return true
  }

  private mutating func leaveOutUnserved() {
    for entry in ranked.order where draft.mark(of: Int(entry.slot)) == .open {
      let request = mirror.table.requests[Int(entry.slot)]
      draft.leaveOut(slot: Int(entry.slot), handle: request.handle, reason: .pausedBudget(tokens: budget.tokens))
    }
  }
}
