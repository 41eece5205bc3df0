import SchedulerCore

/// Judges choices between recompute and copy once it is known what became of them.
extension ReferenceEngine {
  /// A verb takes a request's KV away.
  mutating func noteAway(_ h: RequestHandle, copiedTo tier: SwapTier?) {
    let bytes = queue[h].computed * profile.kvBytesPerToken
    let tiers = tier.map { [$0] } ?? [cpuTier, ssdTier].filter { $0.bytesPerS > 0 && $0.fits(bytes) }
    away[h] = AwayRequest(
      tokens: queue[h].computed, isCopied: tier != nil, copyUs: tiers.map { 2 * $0.transferUs(bytes) }.min())
  }

  /// It runs again. Called before it computes, when the cache is still as the request finds it.
  mutating func noteReturn(_ h: RequestHandle) {
    guard let entry = away.removeValue(forKey: h) else { return }
    guard let copyUs = entry.copyUs else { return }
    let cached = min(entry.tokens, queue.cachedTokens(h, of: entry.tokens))
    returned.append((tokens: entry.tokens, cached: cached, isCopied: entry.isCopied, copyUs: copyUs))
  }

  /// The iteration in which requests came back is complete.
  /// - Parameter features: of all that it computes.
  mutating func judgeReturns(_ features: IterationFeatures) {
    for entry in returned {
      let recomputeUs = recomputeUs(entry.tokens, cached: entry.cached, isCopied: entry.isCopied, in: features)
      scorecard.addChoice(copied: entry.isCopied, copyUs: entry.copyUs, recomputeUs: recomputeUs)
    }
    returned.removeAll(keepingCapacity: true)
  }

  /// What computing the rest again adds to this iteration, as far as one iteration goes, and what is left at the price
  /// of a prefill.
  private func recomputeUs(_ tokens: Int, cached: Int, isCopied: Bool, in features: IterationFeatures) -> Int {
    let missing = tokens - cached
    guard missing > 0 else { return 0 }
    let chunk = min(missing, engine.limits.stepTokens)
    var other = features
    if isCopied {
      other.addPrefill(tokens: chunk, prefix: cached)
    } else {
      other.removePrefill(tokens: min(chunk, other.prefillTokens), prefix: cached)
    }
    let (with, without) = isCopied ? (other, features) : (features, other)
    let alone = without.isEmpty ? 0 : profile.time.elapsedUs(without)
    let k = profile.time.withPrefill
    let rest = Double(missing - chunk)
    let restMs = k.b * rest + k.c * rest * (Double(cached + chunk) + rest / 2)
    return max(0, profile.time.elapsedUs(with) - alone) + Int(restMs * 1_000)
  }
}
