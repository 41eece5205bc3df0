import SchedulerCore
import WireProtocol

/// Carrying out a plan: verbs first, then the work, each item as far as the blocks allow.
extension ReferenceEngine {
  mutating func launch() throws(EngineRunError) {
    try expandWork()
    try verify()
    guard reply.hasPlan else { return }
    applyCachePlan()
    for item in reply.truncate where item.keepTokens > 0 && item.keepTokens < queue[item.h].computed {
      scorecard.addRecomputed(queue[item.h].computed - item.keepTokens)
      queue.setComputed(item.h, item.keepTokens)
    }
    for h in reply.requeue {
      noteAway(h, copiedTo: nil)
      preempt(h)
    }
    for h in reply.swapCPU { swapOut(h, to: .cpu) }
    for h in reply.swapSSD { swapOut(h, to: .ssd) }
    var batch = LaunchedIteration(seq: seq, startUs: 0, elapsedUs: 1, items: [], drafted: [])
    batch.items.reserveCapacity(work.count)
    var features = IterationFeatures()
    var tokens = 0
    adapters.open()
    for item in work { tokens += run(item, &features, &batch) }
    loadAdapters()
    // An aborted request ends at the client too: it is out of the queue from the next Step on.
    for item in reply.abort where queue.isKnown(item.h) && queue[item.h].isLive { end(item.h, .shed) }
    if !delta.launched.h.isEmpty { delta.launched.seq = seq }
    guard !work.isEmpty else { return }
    judgeReturns(features)
    settleLater(&batch, features, tokens)
  }

  /// The iteration waits for the adapters that it names and that are not there.
  private mutating func loadAdapters() {
    guard let options = options.adapters else { return }
    let loads = adapters.close()
    owedUs += loads * options.loadUs
    scorecard.addAdapterLoads(loads)
  }

  private mutating func settleLater(
    _ batch: inout LaunchedIteration, _ features: IterationFeatures, _ tokens: Int
  ) {
    batch.startUs = max(nowUs, unsettled.last?.endUs ?? nowUs)
    guard !batch.items.isEmpty else { return unsettled.append(batch) }
    // The drafter makes the drafts of all sequences side by side, one level after the other.
    let depth = batch.drafted.reduce(0) { max($0, $1.depth) }
    batch.elapsedUs = profile.time.elapsedUs(features) + owedUs + depth * (options.speculation?.draftUs ?? 0)
    owedUs = 0
    unsettled.append(batch)
    let occupancy = Double(queue.cache.heldBlocks) / Double(queue.cache.totalBlocks)
    scorecard.addIteration(
      elapsedUs: batch.elapsedUs, tokens: tokens, occupancy: occupancy, fragmentation: queue.fragmentation)
    timeline.add(
      startUs: batch.startUs, elapsedUs: batch.elapsedUs, decodes: features.decodes,
      prefillTokens: features.prefillTokens, running: queue.sums.running, waiting: queue.sums.waiting,
      occupancy: occupancy)
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
        computed: request.computed, isInFlight: request.inFlight > 0, adapter: request.adapter)
    }
  }

  // MARK: - One item

  /// Runs an item as far as it goes and notes what went differently. Returns the tokens computed.
  private mutating func run(
    _ item: StepPlan.Item, _ features: inout IterationFeatures, _ batch: inout LaunchedIteration
  ) -> Int {
    let hit = queue[item.h].isRunning ? 0 : queue.hitTokens(item.h)
    if !queue[item.h].isRunning, queue[item.h].computed == 0, let untilUs = queue.landing(item.h, afterHit: hit) {
      keepBack(item, untilUs: untilUs)
      return 0
    }
    if hit > 0 { return runAfterHit(item, hit, &features, &batch) }
    guard hasRoom(item) else {
      refuse(item, &batch)
      return 0
    }
    noteReturn(item.h)
    swapIn(item.h)
    compute(item, item.n, &features, &batch)
    return item.n
  }

  /// Whether the item's blocks are there, by preemption if need be.
  private mutating func hasRoom(_ item: StepPlan.Item) -> Bool {
    let target = queue[item.h].computed + item.n
    if queue.missingBlocks(item.h, target: target) == 0 { return true }
    makeRoom(item)
    return queue.missingBlocks(item.h, target: target) == 0
  }

  /// A fresh request that found part of its prompt in the cache.
  private mutating func runAfterHit(
    _ item: StepPlan.Item, _ hit: Int, _ features: inout IterationFeatures, _ batch: inout LaunchedIteration
  ) -> Int {
    let free = queue.freeBlocks(afterHit: hit, of: item.h)
    let known = queue[item.h].promptTokens + queue[item.h].output
    let tokens = min(item.n, known - hit, free * engine.model.kvGroups[0].blockTokens)
    guard tokens > 0 else {
      refuse(item, &batch)
      return 0
    }
    noteReturn(item.h)
    // What is found again was not lost.
    scorecard.addRecomputed(-min(hit, queue[item.h].lostTokens))
    queue.takeHit(hit, of: item.h)
    scorecard.addCached(hit)
    var item = item
    item.k = 0
    compute(item, tokens, &features, &batch)
    note(item.h, ran: tokens, .cached)
    reportState(item.h)
    return tokens
  }

  private mutating func compute(
    _ item: StepPlan.Item, _ tokens: Int, _ features: inout IterationFeatures, _ batch: inout LaunchedIteration
  ) {
    let request = queue[item.h]
    if request.isDecoding {
      features.addDecode(context: request.computed, tokens: tokens)
    } else {
      features.addPrefill(tokens: tokens, prefix: request.computed)
      scorecard.addPrefilled(tokens)
      scorecard.fairness.add(tenant: request.tenant, input: tokens, output: 0)
    }
    queue.grow(item.h, by: tokens)
    queue.setRunning(item.h, true)
    if request.adapter >= 0, options.adapters != nil { adapters.use(Int32(request.adapter)) }
    let samples = request.remaining <= tokens
    if samples { queue.setOutput(item.h, request.output + 1 + item.k) }
    queue.update(item.h) { $0.inFlight += 1 }
    batch.items.append(.init(h: item.h, samples: samples, drafts: item.k))
    if item.k > 0 { batch.drafted.append(.init(h: item.h, drafts: item.k, shape: item.shape)) }
  }

  // MARK: - When blocks are short

  private mutating func refuse(_ item: StepPlan.Item, _ batch: inout LaunchedIteration) {
    scorecard.addRefusal()
    if item.k > 0 { batch.drafted.append(.init(h: item.h, drafts: 0)) }
    note(item.h, ran: 0, .kv)
    reportState(item.h)
  }

  /// Preempts by the plan's victim order, then whoever was admitted last, then handed-over requests whose KV waits
  /// here, among those this iteration does not run.
  private mutating func makeRoom(_ item: StepPlan.Item) {
    let target = queue[item.h].computed + item.n
    let busy = Set(work.map(\.h))
    let newest = queue.liveHandles.sorted(by: >)
    let running = (reply.victims + newest).filter { queue.isKnown($0) && queue[$0].isRunning }
    let landed = newest.filter { !queue[$0].isRunning && queue[$0].computed > 0 && queue[$0].residence == .gpu }
    for h in running + landed where queue.missingBlocks(item.h, target: target) > 0 {
      guard queue[h].isLive, queue[h].computed > 0, queue[h].inFlight == 0, !busy.contains(h) else { continue }
      preempt(h)
      reportState(h)
    }
  }

  mutating func preempt(_ h: RequestHandle) {
    scorecard.addPreemption(recomputedTokens: queue[h].computed)
    queue.update(h) { $0.lostTokens = max($0.lostTokens, $0.computed) }
    queue.setComputed(h, 0)
    queue.setRunning(h, false)
    queue.update(h) { request in
      request.preemptions += 1
      request.wasPreempted = true
    }
  }

  private mutating func note(_ h: RequestHandle, ran tokens: Int, _ cause: StepDelta.ExceptionCause) {
    delta.launched.h.append(h)
    delta.launched.n.append(tokens)
    delta.launched.why.append(cause)
  }
}
