import Glibc
import SchedulerCore

/// What a workload asks of a GPU, per request on average, counted in one pass whose memory does not grow with the
/// number of requests.
///
/// Prefix reuse is counted as a cache far larger than any GPU's would give it (`RecentBlocks`), so that a bound made of
/// it stays a bound.
public struct WorkloadDemand: Hashable, Sendable {
  /// By what the dearest requests are found: those that a scheduler which may drop a few would drop.
  enum Cost: CaseIterable {
    /// GPU time, every fixed cost left out.
    case time
    /// KV tokens held, times iterations.
    case memory
  }

  /// Requests of like cost are kept together: so many groups to each doubling of the cost.
  private static let groupsPerDoubling = 64.0

  public private(set) var requestsPerClass: [Int]
  public private(set) var spanUs: Int64 = 0
  private(set) var sums = DemandSums()
  /// By the logarithm of the cost.
  private var groups: [Cost: [Int: DemandSums]] = [:]

  /// - Parameters:
  ///   - prefixCaching: whether equal prefixes are computed once.
  ///   - time: what requests cost, for bounds that may drop the dearest; without it they are told by memory only.
  public init(
    _ workload: any Workload, classes: Int, prefixCaching: Bool, time: IterationTimeModel? = nil
  ) throws(WorkloadError) {
    requestsPerClass = Array(repeating: 0, count: classes)
    var workload = workload
    var seen = RecentBlocks()
    while let request = try workload.next() {
      let hit = prefixCaching ? Self.hitTokens(request, &seen) : 0
      add(request, hitTokens: hit, time)
    }
  }

  public var requests: Int { Int(sums.requests) }

  private static func hitTokens(_ request: WorkloadRequest, _ seen: inout RecentBlocks) -> Int {
    let hits = request.prefixBlocks.prefix { seen.contains($0) }.count
    for block in request.prefixBlocks { seen.insert(block) }
    return min(hits * request.prefixBlockTokens, request.promptTokens - 1)
  }

  private mutating func add(_ request: WorkloadRequest, hitTokens: Int, _ time: IterationTimeModel?) {
    requestsPerClass[request.classIndex] += 1
    spanUs = max(spanUs, request.arrivalUs)
    let one = DemandSums(request, hitTokens: hitTokens)
    sums += one
    groups[.memory, default: [:]][Self.group(one.unsharedContextTokens), default: DemandSums()] += one
    if let k = time?.withPrefill {
      let ms =
        k.b * (one.newPromptTokens + one.decodes) + k.c * one.prefillPairs + k.d * one.decodes
        + k.e * one.decodeContextTokens
      groups[.time, default: [:]][Self.group(ms), default: DemandSums()] += one
    }
  }

  private static func group(_ cost: Double) -> Int { cost > 0 ? Int((log2(cost) * groupsPerDoubling).rounded()) : .min }

  /// The workload without this share of its requests, the dearest.
  func without(_ share: Double, by cost: Cost) -> WorkloadDemand {
    var left = share * sums.requests
    var demand = self
    demand.sums = DemandSums()
    for (_, group) in (groups[cost] ?? [:]).sorted(by: { $0.key > $1.key }) {
      let dropped = min(left, group.requests)
      left -= dropped
      demand.sums += group * (1 - dropped / group.requests)
    }
    return groups[cost] == nil ? self : demand
  }

  /// Mean arrivals per second; 0 for fewer than two requests.
  public var ratePerS: Double {
    requests > 1 && spanUs > 0 ? Double(requests) / (Double(spanUs) / 1_000_000) : 0
  }

  private func mean(_ sum: Double) -> Double { sum / max(1, sums.requests) }

  var newPromptTokensPerRequest: Double { mean(sums.newPromptTokens) }
  var prefillPairsPerRequest: Double { mean(sums.prefillPairs) }
  var prefixTokensPerRequest: Double { mean(sums.prefixTokens) }
  var decodesPerRequest: Double { mean(sums.decodes) }
  var decodeContextPerRequest: Double { mean(sums.decodeContextTokens) }
  /// Context tokens times iterations, without what the cache shares between requests.
  var unsharedContextPerRequest: Double { mean(sums.unsharedContextTokens) }
}
