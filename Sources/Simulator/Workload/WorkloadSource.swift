/// Where requests come from, so that the same ones can be had again, at other rates.
public struct WorkloadSource: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A trace file; `first` cuts it short.
    case trace(path: String, first: Int?)
    case generated(requests: Int, ratePerS: Double)
    /// Requests of one kind.
    case lengths(requests: Int, ratePerS: Double, WorkloadLengths)
    /// Requests that are known, in order of arrival.
    case list(name: String, [WorkloadRequest])

    /// Whether another seed gives other requests of the same kind.
    var isDrawn: Bool {
      switch self {
      case .generated, .lengths: true
      case .trace, .list: false
      }
    }
  }

  public var kind: Kind
  public var mix: ClassMix
  public var seed: UInt64

  /// Draws arrivals in place of the source's own.
  public var arrivals: ArrivalProcess?
  /// The requests come so many times, back to back.
  public var copies = 1
  /// Weights of the models that requests ask for.
  public var modelShares = [1.0]
  /// Adapters that requests ask for; 0 for none.
  public var adapters = 0
  /// A tenant that sends so many times as much.
  public var greedy: (tenant: String, times: Int)? {
    get { greedyTenant.map { ($0, greedyTimes) } }
    set {
      greedyTenant = newValue?.tenant
      greedyTimes = newValue?.times ?? 1
    }
  }
  private var greedyTenant: String?
  private var greedyTimes = 1

  public init(_ kind: Kind, mix: ClassMix, seed: UInt64) {
    self.kind = kind
    self.mix = mix
    self.seed = seed
  }

  /// What people call it.
  public var name: String {
    switch kind {
    case .trace(let path, let first):
      String(path.split(separator: "/").last ?? "") + (first.map { ", first \($0)" } ?? "")
        + (copies > 1 ? ", \(copies) times" : "")
    case .generated(let requests, _): "generated, \(requests) requests"
    case .lengths(let requests, _, let lengths):
      "\(lengths.promptTokens):\(lengths.outputTokens), \(requests) requests"
    case .list(let name, _): name
    }
  }

  /// The requests from the start, arriving `rateScale` times as fast.
  public func open(rateScale: Double) throws(WorkloadError) -> any Workload {
    var plain: any Workload =
      copies > 1
      ? try RepeatedWorkload(self, copies: copies, rateScale: rateScale) : try openCopy(0, rateScale: rateScale)
    if let greedy { plain = GreedyWorkload(plain, tenant: greedy.tenant, times: greedy.times, seed: seed) }
    guard modelShares.count > 1 || adapters > 0 else { return plain }
    return AttributedWorkload(plain, modelShares: modelShares, adapters: adapters, seed: seed)
  }

  /// One copy of the requests; each draws from a seed of its own.
  func openCopy(_ copy: Int, rateScale: Double) throws(WorkloadError) -> any Workload {
    let seed = copy == 0 ? seed : SeededRandom.mixed(seed &+ UInt64(copy))
    switch kind {
    case .trace(let path, let first):
      return try TraceWorkload(
        path: path, mix: mix, rateScale: rateScale, first: first, seed: seed, arrivals: arrivals)
    case .generated(let requests, let ratePerS):
      return GeneratedWorkload(
        requests: requests, ratePerS: ratePerS * rateScale, mix: mix, seed: seed,
        arrivals: arrivals.map { ArrivalProcess($0.kind, ratePerS: $0.ratePerS * rateScale, variation: $0.variation) })
    case .lengths(let requests, let ratePerS, let lengths):
      return LengthsWorkload(
        requests: requests, ratePerS: ratePerS * rateScale, lengths: lengths, mix: mix, seed: seed,
        arrivals: arrivals.map { ArrivalProcess($0.kind, ratePerS: $0.ratePerS * rateScale, variation: $0.variation) })
    case .list(_, let requests): return ListWorkload(requests, rateScale: rateScale)
    }
  }
}
