/// Who counts on being served in time, looked at anew every few iterations (Docs/planner.md, "Giving way").
extension SchedulerCore {
  /// What a request of a tenant that is ahead counts for where somebody has to give way.
  static let aheadShare = 1e-6

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
    for slot in mirror.table.running.lazy.map(Int.init) { addRunning(slot, nowUs, &bins, &tightestUs) }
    for lane in [FlagshipQueue.Lane.live, .late] {
      for level in 0..<TenantLines.levels { addWaiting(lane, level: level, &bins, &tightestUs) }
    }
    if tightestUs.isFinite { goodput.tightestTPOTUs = tightestUs }
    bins.relegate(supplyShare: goodput.gpuShare)
    for candidate in bins.candidates { settle(candidate) }
    swap(&bins, &goodput.bins)
  }

  private mutating func addWaiting(
    _ lane: FlagshipQueue.Lane, level: Int, _ bins: inout DemandBins, _ tightestUs: inout Double
  ) {
    guard !queue.isEmpty(lane, level: level) else { return }
    queue.beginWalk(lane, level: level)
    while bins.candidates.count < DemandBins.candidatesMax, let slot = queue.next(lane, mirror.table.ids) {
      let job = goodput.jobs[slot]
      guard job.standing != .hopeless else { return }
      tightestUs = min(tightestUs, Double(job.tpotUs))
      bins.add(candidate(slot, job, level: level))
    }
  }

  private func addRunning(_ slot: Int, _ nowUs: Int64, _ bins: inout DemandBins, _ tightestUs: inout Double) {
    let job = goodput.jobs[slot]
    guard job.standing != .hopeless else { return }
    let request = mirror.table.requests[slot]
    tightestUs = min(tightestUs, Double(job.tpotUs))
    if !request.isDecoding {
      bins.addPrefill(
        dueUs: job.deadlineUs,
        costUs: goodput.time.prefillUs(tokens: request.remainingTokens, prefix: request.computedTokens))
    }
    bins.addDecode(
      fromUs: request.isDecoding ? nowUs : job.deadlineUs,
      tokens: goodput.outputs.expectedTokens(request), tpotUs: Double(job.tpotUs),
      costUs: goodput.time.decodeUs(context: request.promptTokens + request.outputTokens))
  }

  /// Who is ahead of other tenants gives way before them, whatever it is worth; who starves does not.
  private func candidate(_ slot: Int, _ job: GoodputPlanner.Job, level: Int) -> DemandBins.Candidate {
    let request = mirror.table.requests[slot]
    var density = level == 0 ? job.density : job.density * Self.aheadShare / Double(level)
    if job.standing == .starving { density = .infinity }
    return DemandBins.Candidate(
      slot: Int32(slot), deadlineUs: job.deadlineUs, prefillUs: job.prefillUs,
      restTokens: goodput.outputs.expectedTokens(request), tpotUs: Double(job.tpotUs),
      decodeUs: goodput.time.decodeUs(context: request.promptTokens + request.outputTokens), density: density)
  }

  private mutating func settle(_ candidate: DemandBins.Candidate) {
    let slot = Int(candidate.slot)
    guard goodput.jobs[slot].standing != .starving else { return }
    // While a tenant is ahead, its requests are the ones to give way for want of capacity.
    let mayBeBelow = !queue.hasTenantsAhead || queue.level(of: mirror.table.requests[slot]) > 0
    let givesWay =
      candidate.isRelegated || (mayBeBelow && goodput.isBelowLine(goodput.jobs[slot], nowUs: mirror.nowUs))
    let standing: GoodputPlanner.Standing = givesWay ? .relegated : .live
    guard goodput.jobs[slot].standing != standing else { return }
    goodput.setStanding(slot, standing)
    rekey(slot)
  }
}
