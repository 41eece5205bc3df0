/// The prefix cache in plans (Docs/memory.md, "Prefix reuse and eviction"): what comes back from the slower tier, what
/// stays for requests that start soon, and what goes so that the plan's work finds room. Called once the work is
/// known, so that a victim is named only when somebody needs its place.
extension SchedulerCore {
  /// Requests whose place in the mirror changed.
  mutating func noteChangeInCache(_ changed: ContiguousArray<Int32>) {
    for slot in changed.lazy.map(Int.init) {
      cache?.noteChange(slot, mirror.table.requests[slot], nowUs: mirror.nowUs)
    }
  }

  /// nil when there is nothing to say. O(admitted + evicted), and O(lookahead log waiting) when the order changed.
  mutating func planCache(_ resources: ResourceSnapshot) -> CachePlan? {
    guard cache != nil else { return nil }
    var fetchedUnits = 0
    if cache!.mayFetch, draft.admittedCount > 0 { fetchForAdmitted(resources, &fetchedUnits) }
    let hasNews = cache!.looksAhead && (draft.admittedCount > 0 || cache!.hasNews(version: queue.version))
    if hasNews { lookAhead(resources, &fetchedUnits) }
    if cache!.mayEvict { evictForWork(fetchedUnits) }
    var plan = memory.cachePlan
    return cache!.write(into: &plan, pinsAreNew: hasNews) ? plan : nil
  }

  /// Requests that this plan admits although a slower tier has part of their prefix: the engine keeps them back until
  /// it is there (cause `remote_kv`).
  private mutating func fetchForAdmitted(_ resources: ResourceSnapshot, _ fetchedUnits: inout Int) {
    for item in draft.items where !mirror.table.requests[Int(item.slot)].isRunning {
      fetch(Int(item.slot), resources, &fetchedUnits)
    }
  }

  /// The head of the waiting order beyond this plan.
  private mutating func lookAhead(_ resources: ResourceSnapshot, _ fetchedUnits: inout Int) {
    cache!.beginPins(version: queue.version)
    queue.beginWalk(ids: mirror.table.ids)
    var seen = 0
    while seen < CacheController.lookahead, let slot = queue.next(mirror.table.ids) {
      guard draft.mark(of: slot) == .open else { continue }
      seen += 1
      let request = mirror.table.requests[slot]
      if cache!.mayFetch { fetch(slot, resources, &fetchedUnits) }
      guard cache!.mayPin else { continue }
      let tokens = cache!.pin(slot, request)
      if tokens > 0 { draft.explain(request.handle, .cachePinned(tokens: tokens)) }
    }
  }

  /// Names what the slower tier has of a prompt, as far as blocks above the watermark are free for it, if copying it
  /// takes less time than computing it.
  private mutating func fetch(_ slot: Int, _ resources: ResourceSnapshot, _ fetchedUnits: inout Int) {
    let request = mirror.table.requests[slot]
    guard let units = cache!.fetchable(slot, request), cache!.isLinkFree(nowUs: mirror.nowUs) else { return }
    let count = min(units.count, cache!.fetchRoom, freeUnits - fetchedUnits)
    guard count > 0 else { return }
    let tokens = count * cache!.unitTokens
    let fetchUs = preemption.cost.fetchUs(tokens: tokens, resources)
    let computeUs = goodput.time.prefillUs(tokens: tokens, prefix: units.lowerBound * cache!.unitTokens)
    guard Double(fetchUs) < computeUs else { return }
    cache!.fetch(slot, units: units.lowerBound..<(units.lowerBound + count), us: fetchUs, nowUs: mirror.nowUs)
    fetchedUnits += count
    // Where prompts are not cut, a prompt's size in a plan may not rest on what may fail.
    if engine.capabilities.contains(.chunk) {
      mirror.expectHit(slot: slot, tokens: (units.lowerBound + count) * cache!.unitTokens)
    }
    draft.explain(request.handle, .cachePrefetched(tokens: tokens))
  }

  /// Units that fit between the plan's work and the watermark.
  private var freeUnits: Int {
    var units = Int.max
    for pool in cache!.unitBlocks.indices where cache!.unitBlocks[pool] > 0 {
      units = min(units, max(0, budget.freeBlocks[pool] - memory.watermarkBlocks[pool]) / cache!.unitBlocks[pool])
    }
    return units
  }

  /// Names victims where the plan takes more blocks than are empty. They go for whoever takes most.
  private mutating func evictForWork(_ fetchedUnits: Int) {
    let short = cache!.shortUnits(freeBlocks: budget.freeBlocks, fetchedUnits: fetchedUnits)
    guard short > 0 else { return }
    let evicted = cache!.evict(short, nowUs: mirror.nowUs)
    guard evicted > 0, var most = draft.items.first else { return }
    for item in draft.items where item.n > most.n { most = item }
    draft.explain(most.handle, .cacheEvicted(units: evicted))
  }
}
