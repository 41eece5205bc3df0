/// Who counts on being served in time, looked at anew every few iterations (Docs/planner.md, "Giving way").
extension SchedulerCore {
  /// What a request of a tenant that is ahead counts for where somebody has to give way.
  static let aheadShare = 1e-6
  /// The same for one that missed its deadline.
  static let overdueShare = 1e-3
  /// Requests that missed their deadline and are looked at in one go.
  static let overdueMax = 32

  /// Waiting requests that can no longer make it move behind the others at once; who gives way is settled now and then.
  mutating func refreshStandings(_ nowUs: Int64) {
    while let slot = goodput.nextStarving(nowUs: nowUs, ids: mirror.table.ids) { rekey(slot) }
    while let slot = goodput.nextExpired(nowUs: nowUs, ids: mirror.table.ids) { rekey(slot) }
    if goodput.advance(nowUs: nowUs) { settleStandings(nowUs) }
  }

  private mutating func rekey(_ slot: Int) {
    let request = mirror.table.requests[slot]
    place(slot, request, goodput.key(slot, request))
  }

  /// From scratch each time, so that nobody is relegated for ever.
  private mutating func settleStandings(_ nowUs: Int64) {
    var bins = DemandBins()
    swap(&bins, &goodput.bins)
    bins.open(nowUs: nowUs)
    var tightestUs = Double.infinity
    addRunning(nowUs, &bins, &tightestUs)
    for lane in [FlagshipQueue.Lane.live, .late] {
      for level in 0..<TenantLines.levels { addWaiting(nowUs, lane, level: level, &bins, &tightestUs) }
    }
    if goodput.servesLateSoon { addRunningLate(nowUs, &bins) }
    if tightestUs.isFinite { goodput.tightestTPOTUs = tightestUs }
    bins.relegate(supplyShare: goodput.gpuShare)
    for index in bins.candidates.indices { settle(bins.candidates[index]) }
    swap(&bins, &goodput.bins)
  }

  private mutating func addWaiting(
    _ nowUs: Int64, _ lane: FlagshipQueue.Lane, level: Int, _ bins: inout DemandBins, _ tightestUs: inout Double
  ) {
    guard !queue.isEmpty(lane, level: level) else { return }
    let requests = mirror.table.requests
    let prices = goodput.time.prices
    queue.beginWalk(lane, level: level)
    var late = 0
    while bins.candidates.count < DemandBins.candidatesMax, let slot = queue.next(lane, mirror.table.ids) {
      if goodput.jobs[slot].standing == .hopeless {
        guard goodput.servesLateSoon, late < Self.overdueMax else { return }
        late += 1
      } else {
        tightestUs = min(tightestUs, Double(goodput.jobs[slot].tpotUs))
      }
      bins.add(candidate(slot, requests.span[slot], level: level, nowUs, prices))
    }
  }

  /// Prefills that run and missed their deadline: whether they are brought to their end beside the others.
  private func addRunningLate(_ nowUs: Int64, _ bins: inout DemandBins) {
    let requests = mirror.table.requests
    let prices = goodput.time.prices
    for slot in mirror.table.running.lazy.map(Int.init) where !requests.span[slot].isDecoding {
      guard bins.candidates.count < DemandBins.candidatesMax else { return }
      guard goodput.jobs[slot].standing.isLate else { continue }
      var late = candidate(slot, requests.span[slot], level: 0, nowUs, prices)
      late.prefillUs = prices.prefillUs(
        tokens: requests.span[slot].remainingTokens, prefix: requests.span[slot].computedTokens)
      bins.add(late)
    }
  }

  private func addRunning(_ nowUs: Int64, _ bins: inout DemandBins, _ tightestUs: inout Double) {
    let requests = mirror.table.requests.span
    let jobs = goodput.jobs.span
    let prices = goodput.time.prices
    for slot in mirror.table.running.lazy.map(Int.init) where jobs[slot].standing != .hopeless {
      let tpotUs = Double(jobs[slot].tpotUs)
      let isDecoding = requests[slot].isDecoding
      guard isDecoding || jobs[slot].standing != .overdue else { continue }
      tightestUs = min(tightestUs, tpotUs)
      if !isDecoding {
        bins.addPrefill(
          dueUs: jobs[slot].deadlineUs,
          costUs: prices.prefillUs(tokens: requests[slot].remainingTokens, prefix: requests[slot].computedTokens))
      }
      bins.addDecode(
        fromUs: isDecoding ? nowUs : jobs[slot].deadlineUs,
        tokens: goodput.outputs.expectedTokens(requests[slot]), tpotUs: tpotUs,
        costUs: prices.decodeUs(context: requests[slot].promptTokens + requests[slot].outputTokens))
    }
  }

  /// Who is ahead of other tenants gives way before them, and who missed its deadline before those of its own, whatever
  /// they are worth; who starves does not.
  @inline(__always)
  private func candidate(
    _ slot: Int, _ request: Request, level: Int, _ nowUs: Int64, _ prices: WorkPrices
  ) -> DemandBins.Candidate {
    let job = goodput.jobs[slot]
    var density = level == 0 ? job.density : job.density * Self.aheadShare / Double(level)
    if job.standing == .starving { density = .infinity }
    let isLate = job.standing.isLate
    if isLate { density *= Self.overdueShare }
    return DemandBins.Candidate(
      slot: Int32(slot), deadlineUs: isLate ? goodput.overdueUs(job, nowUs: nowUs) : job.deadlineUs,
      prefillUs: job.prefillUs,
      restTokens: goodput.outputs.expectedTokens(request), tpotUs: Double(job.tpotUs),
      decodeUs: prices.decodeUs(context: request.promptTokens + request.outputTokens), density: density)
  }

  private mutating func settle(_ candidate: DemandBins.Candidate) {
    let slot = Int(candidate.slot)
    let before = goodput.jobs[slot]
    switch before.standing {
    case .starving: return
    case .overdue, .hopeless: settleLate(candidate)
    case .live, .relegated:
      // While a tenant is ahead, its requests are the ones to give way for want of capacity.
      let mayBeBelow = !queue.hasTenantsAhead || queue.level(of: mirror.table.requests[slot]) > 0
      let givesWay = candidate.isRelegated || (mayBeBelow && goodput.isBelowLine(before, nowUs: mirror.nowUs))
      goodput.setStanding(slot, givesWay ? .relegated : .live)
    }
    let after = goodput.jobs[slot]
    guard after.standing != before.standing || after.deadlineUs != before.deadlineUs else { return }
    rekey(slot)
  }

  private mutating func settleLate(_ candidate: DemandBins.Candidate) {
    if candidate.isRelegated || !goodput.servesLateSoon {
      goodput.setStanding(Int(candidate.slot), .hopeless)
    } else {
      goodput.postpone(Int(candidate.slot), to: candidate.deadlineUs)
    }
  }
}
