import SchedulerCore

/// The largest rate at which a GPU could serve a workload at a pace, if work were a fluid: one repeating iteration
/// carries its share of prefill, decode and KV reads, and the resident KV fits. Bursts and whole tokens keep real
/// schedulers below.
///
/// With several classes, iterations are no longer than the tightest TPOT on average, since somebody of that class is
/// always there. Requests of the others may sit iterations out, so that all they need may come in iterations without
/// prefill, where a decode is cheaper on some GPUs; what such iterations cost besides is left out, which keeps the
/// bound a bound.
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

  /// - Parameter tpotMs: the limit for everybody.
  /// - Returns: requests per second; 0 when even an empty iteration is too long.
  public func requestsPerS(tpotMs: Double) -> Double { requestsPerS(Pace(tpotMs: tpotMs)) }

  /// Requests per second at a pace; 0 when even an empty iteration is too long.
  public func requestsPerS(_ pace: Pace) -> Double { requestsPerS(pace, demand) }

  /// The same when a share of the requests may be dropped: the dearest are, by time or by memory, whatever gives more.
  /// Dropped requests count as arrived.
  /// - Parameter dropped: share of all requests, below 1.
  public func requestsPerS(_ pace: Pace, dropped: Double) -> Double {
    WorkloadDemand.Cost.allCases.map {
      requestsPerS(pace, demand.without(dropped, by: $0)) / (1 - dropped)
    }.max() ?? 0
  }

  private func requestsPerS(_ pace: Pace, _ demand: WorkloadDemand) -> Double {
    guard demand.requests > 0 else { return 0 }
    var best = 0.0
    for step in 1...Self.lengths {
      let share = Double(step) / Double(Self.lengths)
      best = max(best, requestsPerS(demand, iterationMs: pace.tpotMs * share, looseShare: pace.looseShare))
    }
    return best
  }

  private func requestsPerS(_ demand: WorkloadDemand, iterationMs: Double, looseShare: Double) -> Double {
    var low = 0.0
    var high = Self.ratePerSMax
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      let requests = middle * iterationMs / 1000
      let fits =
        requests * demand.unsharedContextPerRequest <= kvCapacityTokens
        && min(ms(demand, requests, apart: 0), ms(demand, requests, apart: looseShare)) <= iterationMs
      if fits { low = middle } else { high = middle }
    }
    return low
  }

  /// Time of an iteration that carries `requests`' work, the decodes of a share of them in iterations of their own.
  private func ms(_ demand: WorkloadDemand, _ requests: Double, apart: Double) -> Double {
    let decodes = requests * demand.decodesPerRequest
    let context = requests * demand.decodeContextPerRequest
    let load = FluidFeatures(
      prefillTokens: requests * demand.newPromptTokensPerRequest,
      prefillPairs: requests * demand.prefillPairsPerRequest, prefixTokens: requests * demand.prefixTokensPerRequest,
      decodes: decodes * (1 - apart), decodeContextTokens: context * (1 - apart))
    let apartMs =
      time.decodeMs(sequences: decodes * apart, contextTokens: context * apart)
      - time.decodeMs(sequences: 0, contextTokens: 0)
    return time.ms(load) + apartMs + Double(time.overheadUs) / 1000
  }
}
