/// Preemption by cost (Docs/preemption.md): the mirror says who holds what, the time model what computing it again
/// takes, the measured bandwidth what copying takes, the standings whom it would hurt.
extension SchedulerCore {
  /// Starts the admission of one iteration.
  mutating func openAdmission() {
    admission.open(mirror.table)
    openPeak()
  }

  // MARK: - Means

  /// By which means a victim gives way.
  /// - Parameter missing: blocks that are short; nil where the victim has to go as a whole.
  mutating func means(for slot: Int, _ request: Request, missing: Int? = nil) -> PreemptionChoice {
    guard preemption.choosesMeans else {
      // The ranked strategies pause and resume: their sources keep what was computed, in host memory where there is
      // room.
      return PreemptionChoice(verb: servesByRank && maySwap ? .swap : .requeue, recomputeUs: 0, copyUs: nil, costUs: 0)
    }
    return means(request, missing: missing, beside: usualWork())
  }

  private mutating func means(
    _ request: Request, missing: Int?, beside work: IterationFeatures
  ) -> PreemptionChoice {
    let whole = preemption.choose(request, recomputeUs: recomputeUs(request, beside: work))
    guard mayCut, let missing, let keep = keptTokens(request, missing: missing) else { return whole }
    let cutUs = recomputeUs(from: keep, to: request.computedTokens, beside: work)
    guard cutUs < whole.costUs else { return whole }
    var choice = whole
    choice.verb = .truncate
    choice.keepTokens = keep
    choice.costUs = cutUs
    return choice
  }

  /// What an iteration computes beside a victim that comes back: decodes as many as now, and prefill as usual then.
  func usualWork() -> IterationFeatures {
    var features = IterationFeatures()
    let prefillTokens = preemption.expectedBesideTokens
    if prefillTokens > 0 { features.addPrefill(tokens: prefillTokens, prefix: 0) }
    for slot in mirror.table.running.lazy.map(Int.init) where mirror.table.requests[slot].isDecoding {
      features.addDecode(context: mirror.table.requests[slot].computedTokens)
    }
    return features
  }

  /// Expected GPU time to compute a victim's tokens again, what the cache is expected to hold still taken off.
  private func recomputeUs(_ request: Request, beside work: IterationFeatures) -> Int {
    let computed = request.computedTokens
    return recomputeUs(from: preemption.expectedCachedTokens(computed: computed), to: computed, beside: work)
  }

  /// Expected GPU time to compute tokens again: what the first chunk makes an iteration longer, and the rest at the
  /// price of a prefill.
  func recomputeUs(from prefix: Int, to computed: Int, beside work: IterationFeatures) -> Int {
    guard computed > prefix else { return 0 }
    let chunk = min(computed - prefix, engine.limits.stepTokens)
    var with = work
    with.addPrefill(tokens: chunk, prefix: prefix)
    let firstUs = goodput.time.elapsedUs(with) - (work.isEmpty ? 0 : goodput.time.elapsedUs(work))
    let rest = computed - prefix - chunk
    return max(0, firstUs) + (rest > 0 ? Int(goodput.time.prefillUs(tokens: rest, prefix: prefix + chunk)) : 0)
  }

  // MARK: - Victims

  /// The best victims, best first. O(running), and only when blocks are short.
  /// - Parameter missing: blocks that are short; nil where victims go as a whole.
  mutating func rankedVictims(most: Int, missing: Int? = nil) -> [Int] {
    let work = preemption.ranksByCost ? usualWork() : IterationFeatures()
    var best: [(slot: Int, rank: VictimRank)] = []
    for slot in mirror.table.running.lazy.map(Int.init) where preemption.isEligible(slot, mirror.table, draft) {
      let rank = victimRank(slot, missing: missing, beside: work)
      let place = best.firstIndex { rank < $0.rank } ?? best.count
      guard place < most else { continue }
      best.insert((slot, rank), at: place)
      if best.count > most { best.removeLast() }
    }
    return best.map(\.slot)
  }

  private mutating func victimRank(_ slot: Int, missing: Int?, beside work: IterationFeatures) -> VictimRank {
    let request = mirror.table.requests[slot]
    let facts = facts(request)
    let isResting = preemption.isResting(slot, request)
    guard preemption.ranksByCost else {
      let tier = max(VictimRank.Tier.hopeless, min(.patient, tier(slot, request, facts, awayUs: 0)))
      return VictimRank(
        isResting: isResting, tier: tier, weight: facts.classWeight, cost: request.computedTokens,
        runningIndex: request.runningIndex)
    }
    let choice = means(request, missing: missing, beside: work)
    let awayUs = Int64(preemption.awayUs) + Int64(choice.costUs)
    let tier = tier(slot, request, facts, awayUs: awayUs)
    let blocks = max(1, budget.growthBlocks(from: choice.keepTokens, to: request.computedTokens))
    return VictimRank(
      isResting: isResting, tier: tier, weight: tier == .pressing ? facts.classWeight : 0,
      cost: choice.costUs * 1_000 / blocks, runningIndex: request.runningIndex)
  }

  /// What being away for `awayUs` would mean for a running request.
  private func tier(_ slot: Int, _ request: Request, _ facts: QueueFacts, awayUs: Int64) -> VictimRank.Tier {
    if policy.batchStrategy == .goodput, goodput.jobs[slot].standing == .relegated { return .relegated }
    let patienceUs = patienceUs(request, facts)
    if patienceUs < 0 { return .hopeless }
    return patienceUs >= awayUs ? .patient : .pressing
  }

  /// How long a running request can go without a token and be in time all the same; negative when it cannot any more.
  private func patienceUs(_ request: Request, _ facts: QueueFacts) -> Int64 {
    let dueUs = ranked.nextTokenDue(request, facts)
    guard request.firstTokenUs >= 0 else { return dueUs &- facts.prefillUs &- facts.fixedUs &- mirror.nowUs }
    let tpotUs = Int64(facts.tpotSLOMs) * 1_000
    return dueUs &+ goodput.graceUs(tpotUs: tpotUs, restTokens: Double(facts.expectedOutputTokens)) &- mirror.nowUs
  }
}
