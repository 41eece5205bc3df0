import SchedulerCore

/// The largest rate at which a GPU could serve every request of a workload with a mean TPOT within the limit, if work
/// were a fluid: one repeating iteration of length tau <= TPOT carries its share of prefill, decode and KV reads, and
/// the resident KV fits. No scheduler that serves everything gets above it; bursts and whole tokens keep real ones
/// below.
public struct FluidBound: Sendable {
  private let demand: WorkloadDemand
  private let time: IterationTimeModel
  private let kvCapacityTokens: Double

  /// Iteration lengths that are tried.
  private static let lengths = 100
  private static let bisections = 50
  private static let ratePerSMax = 1e6

  public init(demand: WorkloadDemand, time: IterationTimeModel, kvCapacityTokens: Int) {
    self.demand = demand
    self.time = time
    self.kvCapacityTokens = Double(kvCapacityTokens)
  }

  /// - Parameter tpotMs: the tightest limit among the classes: its requests are in every iteration.
  /// - Returns: requests per second; 0 when even an empty iteration is too long.
  public func requestsPerS(tpotMs: Double) -> Double {
    guard demand.requests > 0 else { return 0 }
    var best = 0.0
    for step in 1...Self.lengths {
      best = max(best, requestsPerS(iterationMs: tpotMs * Double(step) / Double(Self.lengths)))
    }
    return best
  }

  private func requestsPerS(iterationMs: Double) -> Double {
    var low = 0.0
    var high = Self.ratePerSMax
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      if fits(requestsPerS: middle, iterationMs: iterationMs) { low = middle } else { high = middle }
    }
    return low
  }

  private func fits(requestsPerS: Double, iterationMs: Double) -> Bool {
    let requests = requestsPerS * iterationMs / 1000
    guard requests * demand.unsharedContextPerRequest <= kvCapacityTokens else { return false }
    let load = FluidFeatures(
      prefillTokens: requests * demand.newPromptTokensPerRequest,
      prefillPairs: requests * demand.prefillPairsPerRequest, prefixTokens: requests * demand.prefixTokensPerRequest,
      decodes: requests * demand.decodesPerRequest, decodeContextTokens: requests * demand.decodeContextPerRequest)
    return time.ms(load) + Double(time.overheadUs) / 1000 <= iterationMs
  }
}
