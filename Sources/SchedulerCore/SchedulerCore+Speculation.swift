/// Drafts under mode `goodput` (Docs/speculation.md): what was learned goes to the controller, what an iteration offers
/// is put together here.
extension SchedulerCore {
  /// Verification is priced at so many drafts for each decode at first.
  private static let pricedDrafts = 1

  // MARK: - Learning

  /// Hands settled iterations to whoever learns from them. The time of the drafter is no error of the time model.
  mutating func learnFromDrafts() {
    mirror.takeOutcomes { speculation.observe($0) }
    guard let observation = mirror.takeObservation() else { return }
    if observation.adapterLoads > 0 { return learnLoads(observation) }
    guard observation.draftDepth > 0 else {
      goodput.observe(observation)
      return speculation.observePlain(elapsedUs: Double(observation.elapsedUs))
    }
    let features = observation.features
    let decodes = features.decodesOnly
    speculation.observe(
      DraftedIteration(
        elapsedUs: Double(observation.elapsedUs), verifyUs: Double(goodput.time.elapsedUs(features)),
        plainUs: Double(goodput.time.elapsedUs(features.withoutDrafts)),
        decodeUs: Double(goodput.time.elapsedUs(decodes)), depth: observation.draftDepth,
        sequences: decodes.decodes, accepted: observation.acceptedDrafts))
  }

  // MARK: - Deciding

  /// Before the running requests are served in turn: drafts for those that decode.
  mutating func planDrafts(_ resources: ResourceSnapshot) {
    guard speculation.weighsDrafts else { return }
    openDrafts(resources)
    var features = IterationFeatures()
    let running = mirror.table.running
    for slot in running.lazy.map(Int.init) {
      let request = mirror.table.requests[slot]
      if request.isBlocked { continue }
      if batch.mayDecode(request) {
        features.addDecode(context: request.computedTokens)
        speculation.add(slot: slot, request)
      } else if !request.isDecoding, features.prefillTokens < budget.tokens {
        let tokens = min(request.remainingTokens, budget.tokens - features.prefillTokens)
        if tokens > 0 { features.addPrefill(tokens: tokens, prefix: request.computedTokens) }
      }
    }
    speculation.decide(conditions(features, tokensMost: max(0, budget.tokens - features.decodes)))
  }

  /// Drafts for the decodes that the flagship serves first, within the time that the iteration may take. Where prefills
  /// wait for that time, a token saved is worth the GPU time of a decode; else its share of the iteration.
  mutating func draftDue(_ frame: inout GoodputFrame, _ resources: ResourceSnapshot) {
    guard speculation.weighsDrafts else { return }
    openDrafts(resources)
    for item in draft.items where item.isPlainDecode {
      speculation.add(slot: Int(item.slot), mirror.table.requests[Int(item.slot)])
    }
    let isBusy = !frame.prefills.isEmpty || !frame.latePrefills.isEmpty || mirror.table.sums.waiting > 0
    let context = frame.features.decodeContextTokens / max(1, frame.features.decodes)
    frame.draftUs = Int(
      speculation.decide(
        conditions(
          frame.features, tokensMost: max(0, budget.tokens - frame.decodes.count),
          shareUs: isBusy ? goodput.time.decodeUs(context: context) : nil,
          limitUs: Double(frame.limitUs(margin: marginShare)))))
    for index in draft.items.indices where draft.items[index].isPlainDecode {
      addDrafts(Int(draft.items[index].slot), &frame.features)
    }
  }

  private mutating func addDrafts(_ slot: Int, _ features: inout IterationFeatures) {
    let request = mirror.table.requests[slot]
    let from = request.computedTokens + 1
    var drafts = speculation.drafts(slot: slot, for: request)
    if engine.limits.length > 0 { drafts = min(drafts, engine.limits.length - from) }
    guard drafts > 0, budget.missingBlocks(from: from, to: from + drafts, keepWatermark: true) == 0 else { return }
    budget.take(from: from, tokens: drafts)
    draft.addDrafts(slot: slot, drafts, speculation.shape(slot: slot, for: request).cut(to: drafts))
    features.addDrafts(drafts)
  }

  /// - Parameter features: the iteration without drafts.
  func conditions(
    _ features: IterationFeatures, tokensMost: Int, shareUs: Double? = nil, limitUs: Double = .infinity
  ) -> DraftConditions {
    let plainUs = Double(goodput.time.elapsedUs(features))
    let more = max(1, Self.pricedDrafts * features.decodes)
    var drafted = features
    drafted.addDrafts(more)
    return DraftConditions(
      plainUs: plainUs, tokenUs: max(0, Double(goodput.time.elapsedUs(drafted)) - plainUs) / Double(more),
      decodeUs: Double(goodput.time.elapsedUs(features.decodesOnly)), shareUs: shareUs, tokensMost: tokensMost,
      limitUs: limitUs)
  }

  mutating func openDrafts(_ resources: ResourceSnapshot) {
    var freePpm = 1_000_000
    for (pool, free) in budget.freeBlocks.enumerated() {
      freePpm = min(freePpm, max(0, free) * 1_000_000 / max(1, engine.model.pools[pool].blocks))
    }
    speculation.open(freePpm: freePpm, isShort: preemptedLast, memory: resources.memoryLevel)
  }

  /// Says of whom drafts ended, and why.
  mutating func explainDrafts() {
    guard speculation.weighsDrafts else { return }
    speculation.forEachNews { slot, hindrance in
      let request = mirror.table.requests[slot]
      guard draft.mark(of: slot) == .scheduled else { return }
      switch hindrance {
      case .none: return
      case .acceptance:
        draft.explain(
          request.handle, .draftsUnlikely(acceptancePercent: speculation.expectedPercent(slot: slot, request)))
      case .kv: draft.explain(request.handle, .draftsKV(freeBlocks: budget.freeBlocks.min() ?? 0))
      case .loss: draft.explain(request.handle, .draftsLost(us: speculation.overdrawnUs))
      }
    }
  }
}
