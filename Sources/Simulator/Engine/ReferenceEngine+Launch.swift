import SchedulerCore
import WireProtocol

/// Carrying out a plan: verbs first, then the work, each item as far as the blocks allow.
extension ReferenceEngine {
  mutating func launch() throws(EngineRunError) {
    try expandWork()
    try verify()
    guard reply.hasPlan else { return }
    for item in reply.truncate where item.keepTokens > 0 && item.keepTokens < queue[item.h].computed {
      queue.setComputed(item.h, item.keepTokens)
    }
    for h in reply.requeue { preempt(h) }
    var features = IterationFeatures()
    var items: [LaunchedIteration.Item] = []
    var tokens = 0
    items.reserveCapacity(work.count)
    for item in work {
      guard let (computed, samples) = run(item, &features) else { continue }
      tokens += computed
      queue.update(item.h) { $0.inFlight += 1 }
      items.append(LaunchedIteration.Item(h: item.h, samples: samples))
    }
    // An aborted request ends at the client too: it is out of the queue from the next Step on.
    for item in reply.abort where queue.isKnown(item.h) && queue[item.h].isLive { end(item.h, .shed) }
    if !delta.launched.h.isEmpty { delta.launched.seq = seq }
    guard !work.isEmpty else { return }
    settleLater(items, features, tokens)
  }

  private mutating func settleLater(_ items: [LaunchedIteration.Item], _ features: IterationFeatures, _ tokens: Int) {
    let elapsedUs = items.isEmpty ? 1 : profile.time.elapsedUs(features)
    let startUs = max(nowUs, unsettled.last?.endUs ?? nowUs)
    unsettled.append(
      LaunchedIteration(seq: seq, elapsedUs: elapsedUs, endUs: startUs + Int64(elapsedUs), items: items))
    guard !items.isEmpty else { return }
    let occupancy = Double(queue.cache.heldBlocks) / Double(queue.cache.totalBlocks)
    scorecard.addIteration(elapsedUs: elapsedUs, tokens: tokens, occupancy: occupancy)
    timeline.add(
      startUs: startUs, elapsedUs: elapsedUs, decodes: features.decodes, prefillTokens: features.prefillTokens,
      running: queue.sums.running, waiting: queue.sums.waiting, occupancy: occupancy)
  }

  /// `decode:"all"` first, by ascending handle, then the explicit columns.
  private mutating func expandWork() throws(EngineRunError) {
    work.removeAll(keepingCapacity: true)
    guard reply.epoch == epoch, reply.seq == seq else {
      throw .invalidPlan(
        seq: seq, rule: "the reply answers this Step", detail: "epoch \(reply.epoch), seq \(reply.seq)")
    }
    if reply.decodesAll {
      let named = namedElsewhere()
      for h in queue.runningHandles where named.isEmpty || !named.contains(h) {
        work.append(StepPlan.Item(h: h, n: 1, k: 0))
      }
    }
    work.append(contentsOf: reply.run)
  }

  /// Running requests that the plan names in any other field: they are not in the decode set.
  private func namedElsewhere() -> Set<RequestHandle> {
    var named = Set(reply.run.map(\.h))
    named.formUnion(reply.pause)
    named.formUnion(reply.requeue)
    named.formUnion(reply.swapCPU)
    named.formUnion(reply.swapSSD)
    named.formUnion(reply.truncate.map(\.h))
    named.formUnion(reply.abort.map(\.h))
    return named
  }

  private mutating func verify() throws(EngineRunError) {
    try check.verify(reply, work: work, running: queue.sums.running, seq: seq) { [queue] h in
      guard queue.isKnown(h) else { return nil }
      let request = queue[h]
      return PlanCheck.View(
        isLive: request.isLive, isRunning: request.isRunning, known: request.promptTokens + request.output,
        computed: request.computed, isInFlight: request.inFlight > 0)
    }
  }

  // MARK: - One item

  /// Runs an item as far as it goes and notes what went differently. Returns the tokens computed, and whether an output
  /// token comes of it; nil when nothing ran.
  private mutating func run(_ item: StepPlan.Item, _ features: inout IterationFeatures) -> (Int, Bool)? {
    let hit = queue[item.h].isRunning ? 0 : queue.hitTokens(item.h)
    if hit > 0 { return runAfterHit(item, hit, &features) }
    let request = queue[item.h]
    if queue.missingBlocks(item.h, target: request.computed + item.n) > 0 { makeRoom(item) }
    guard queue.missingBlocks(item.h, target: request.computed + item.n) == 0 else {
      refuse(item)
      return nil
    }
    return (item.n, compute(item.h, item.n, &features))
  }

  /// A fresh request whose prefix is cached: the hit counts as computed, and the planned tokens go on from there.
  private mutating func runAfterHit(
    _ item: StepPlan.Item, _ hit: Int, _ features: inout IterationFeatures
  ) -> (Int, Bool)? {
    let free = queue.freeBlocks(afterHit: hit, of: item.h)
    let known = queue[item.h].promptTokens + queue[item.h].output
    let tokens = min(item.n, known - hit, free * engine.model.kvGroups[0].blockTokens)
    guard tokens > 0 else {
      refuse(item)
      return nil
    }
    queue.takeHit(hit, of: item.h)
    scorecard.addCached(hit)
    let samples = compute(item.h, tokens, &features)
    note(item.h, ran: tokens, .cached)
    reportState(item.h)
    return (tokens, samples)
  }

  private mutating func compute(_ h: RequestHandle, _ tokens: Int, _ features: inout IterationFeatures) -> Bool {
    let request = queue[h]
    if request.isDecoding {
      features.addDecode(context: request.computed)
    } else {
      features.addPrefill(tokens: tokens, prefix: request.computed)
    }
    queue.grow(h, by: tokens)
    queue.setRunning(h, true)
    let samples = queue[h].remaining == 0
    if samples { queue.setOutput(h, request.output + 1) }
    return samples
  }

  // MARK: - When blocks are short

  private mutating func refuse(_ item: StepPlan.Item) {
    scorecard.addRefusal()
    note(item.h, ran: 0, .kv)
    reportState(item.h)
  }

  /// Preempts by the plan's victim order, then whoever was admitted last, among those this iteration does not run.
  private mutating func makeRoom(_ item: StepPlan.Item) {
    let target = queue[item.h].computed + item.n
    let busy = Set(work.map(\.h))
    let candidates = reply.victims + queue.liveHandles.sorted(by: >)
    for h in candidates where queue.missingBlocks(item.h, target: target) > 0 {
      guard queue.isKnown(h), queue[h].isLive, queue[h].isRunning, queue[h].inFlight == 0, !busy.contains(h)
      else { continue }
      preempt(h)
      reportState(h)
    }
  }

  private mutating func preempt(_ h: RequestHandle) {
    scorecard.addPreemption(recomputedTokens: queue[h].computed)
    queue.setComputed(h, 0)
    queue.setRunning(h, false)
    queue.update(h) { $0.preemptions += 1 }
  }

  private mutating func note(_ h: RequestHandle, ran tokens: Int, _ cause: StepDelta.ExceptionCause) {
    delta.launched.h.append(h)
    delta.launched.n.append(tokens)
    delta.launched.why.append(cause)
  }

  private mutating func reportState(_ h: RequestHandle) {
    guard !delta.state.h.contains(h) else { return }
    let request = queue[h]
    delta.state.h.append(h)
    delta.state.computed.append(request.computed)
    delta.state.output.append(request.output)
    delta.state.running.append(request.isRunning)
  }
}
