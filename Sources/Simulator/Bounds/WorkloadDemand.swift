/// What a workload asks of a GPU, per request on average, counted in one pass.
///
/// Prefix reuse is counted as an infinitely large cache would give it, so that a bound made of it stays a bound.
public struct WorkloadDemand: Hashable, Sendable {
  /// Distinct prefix blocks that the pass remembers; beyond it, nothing more is counted as reused.
  static let blocksMax = 50_000_000

  public private(set) var requests = 0
  public private(set) var requestsPerClass: [Int]
  public private(set) var spanUs: Int64 = 0
  private var promptTokens = 0.0
  private var newPromptTokens = 0.0
  private var prefillPairs = 0.0
  private var prefixTokens = 0.0
  private var decodes = 0.0
  private var decodeContextTokens = 0.0
  private var unsharedContextTokens = 0.0

  /// - Parameter prefixCaching: whether equal prefixes are computed once.
  public init(_ workload: any Workload, classes: Int, prefixCaching: Bool) throws(WorkloadError) {
    requestsPerClass = Array(repeating: 0, count: classes)
    var workload = workload
    var seen: Set<UInt64> = []
    while let request = try workload.next() {
      let hit = prefixCaching ? Self.hitTokens(request, &seen) : 0
      add(request, hitTokens: hit)
    }
  }

  private static func hitTokens(_ request: WorkloadRequest, _ seen: inout Set<UInt64>) -> Int {
    let hits = request.prefixBlocks.prefix { seen.contains($0) }.count
    if seen.count < blocksMax { seen.formUnion(request.prefixBlocks.dropFirst(hits)) }
    return min(hits * request.prefixBlockTokens, request.promptTokens - 1)
  }

  private mutating func add(_ request: WorkloadRequest, hitTokens: Int) {
    requests += 1
    requestsPerClass[request.classIndex] += 1
    spanUs = max(spanUs, request.arrivalUs)
    let prompt = Double(request.promptTokens)
    let new = Double(request.promptTokens - hitTokens)
    // The prefill makes the first output token; the others take an iteration each.
    let steps = Double(request.outputTokens - 1)
    let context = steps * prompt + steps * (steps + 1) / 2
    promptTokens += prompt
    newPromptTokens += new
    prefillPairs += new * (Double(hitTokens) + new / 2)
    prefixTokens += Double(hitTokens)
    decodes += steps
    decodeContextTokens += context
    unsharedContextTokens += context - steps * Double(hitTokens)
  }

  /// Mean arrivals per second; 0 for fewer than two requests.
  public var ratePerS: Double {
    requests > 1 && spanUs > 0 ? Double(requests) / (Double(spanUs) / 1_000_000) : 0
  }

  var newPromptTokensPerRequest: Double { newPromptTokens / Double(max(1, requests)) }
  var prefillPairsPerRequest: Double { prefillPairs / Double(max(1, requests)) }
  var prefixTokensPerRequest: Double { prefixTokens / Double(max(1, requests)) }
  var decodesPerRequest: Double { decodes / Double(max(1, requests)) }
  var decodeContextPerRequest: Double { decodeContextTokens / Double(max(1, requests)) }
  /// Context tokens times iterations, without what the cache shares between requests.
  var unsharedContextPerRequest: Double { unsharedContextTokens / Double(max(1, requests)) }
}
