/// How large the chunks of prompts are under the strategies that fill one token budget.
extension SchedulerCore {
  /// The first chunk of an iteration is no smaller, however little time its decodes leave: prompts must not starve
  /// behind decodes that are late anyway.
  static let slackChunkLeast = 16

  /// Most tokens of one iteration.
  var stepTokensMost: Int { min(engine.limits.stepTokens, policy.stepTokens ?? .max) }

  /// Before the first chunk is sized: how long the iteration may take. While nobody decodes nobody minds.
  /// O(running) where the policy sizes chunks by time.
  mutating func openChunks() {
    guard policy.batch.budget == .slack, batch.fillsBudget else { return chunks.open() }
    var decodes = IterationFeatures()
    var tightestMs = Int.max
    for slot in mirror.table.running.lazy.map(Int.init) {
      let request = mirror.table.requests[slot]
      guard batch.mayDecode(request) else { continue }
      decodes.addDecode(context: request.computedTokens, tokens: 1 + speculation.drafts(slot: slot, for: request))
      tightestMs = min(tightestMs, tpotMs(request))
    }
    guard tightestMs < .max else { return chunks.open(decodes: decodes) }
    let share = 1 - goodput.time.marginShare(withPrefill: true)
    chunks.open(decodes: decodes, limitUs: Int(Double(tightestMs) * 1_000 * share))
  }

  private mutating func tpotMs(_ request: Request) -> Int {
    guard request.tpotSLOMs <= 0 else { return request.tpotSLOMs }
    return policy.classes[classes.classIndex(of: request.className, names: mirror.names)].tpotSLOMs
  }

  /// What a request gets of the iteration: tokens of its budget, within its time, up to the end of a tile.
  func sized(_ request: Request, wanted: Int, drafts: Int) -> (tokens: Int, reason: Reason?) {
    if batch.takesOneChunk, chunks.count > 0, !request.isDecoding { return (0, .chunkTaken(chunks: chunks.count)) }
    let most = batch.tokens(for: request, wanted: wanted, drafts: drafts, budgetTokens: tokensLeft(for: request))
    guard !request.isDecoding, most.tokens > 0 else { return most }
    let prefix = request.computedTokens == 0 ? request.cachedTokens : request.computedTokens
    let tokens = batch.tiled(
      tokensInTime(most.tokens, prefix: prefix), wanted: wanted, usedTokens: stepTokensMost - budget.tokens)
    guard tokens < most.tokens else { return most }
    return tokens > 0 ? (tokens, .chunkBudget(tokens: tokens)) : (0, .waitingBudget(tokens: 0))
  }

  private func tokensInTime(_ most: Int, prefix: Int) -> Int {
    guard let limitUs = chunks.limitUs else { return most }
    func fits(_ tokens: Int) -> Bool {
      goodput.time.elapsedUs(chunks.with(tokens: tokens, prefix: prefix)) <= limitUs
    }
    if fits(most) { return most }
    guard batch.mayChunk else { return chunks.count == 0 ? most : 0 }
    var (low, high) = (0, most)
    while high - low > 1 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    return chunks.count == 0 ? max(low, min(most, Self.slackChunkLeast)) : low
  }
}
