/// Admission by what all who run will need at their worst moment (`admission.reserve_peak`, Docs/memory.md). The
/// flagship has a rule of its own.
extension SchedulerCore {
  /// Counts who runs. O(running^2) moves of plain memory at worst, nothing where the policy does not ask for it.
  mutating func openPeak() {
    guard policy.admission.reservesPeak != .none else { return }
    peak.open()
    for slot in mirror.table.running.lazy.map(Int.init) { notePeak(mirror.table.requests[slot]) }
  }

  /// A request runs, or was admitted.
  mutating func notePeak(_ request: Request) {
    guard policy.admission.reservesPeak != .none else { return }
    peak.add(
      known: request.promptTokens + request.outputTokens, left: outputLeft(request), adapter: request.adapter)
  }

  /// Why a waiting request may not join; nil if it may. The first one may always: nobody gives anything back.
  func peakObjection(to request: Request) -> Reason? {
    guard policy.admission.reservesPeak != .none, mirror.table.sums.running + draft.admittedCount > 0 else {
      return nil
    }
    let missing = peak.missingBlocks(
      known: request.promptTokens + request.outputTokens, left: outputLeft(request), adapter: request.adapter)
    return missing > 0 ? .waitingKV(missingBlocks: missing) : nil
  }

  /// Output tokens that a request may still make, or is expected to.
  private func outputLeft(_ request: Request) -> Int {
    var left = max(0, request.maxOutputTokens - request.outputTokens)
    if engine.limits.length > 0 {
      left = min(left, max(0, engine.limits.length - request.promptTokens - request.outputTokens))
    }
    return policy.admission.reservesPeak == .longest ? left : min(left, Int(goodput.outputs.expectedTokens(request)))
  }
}
