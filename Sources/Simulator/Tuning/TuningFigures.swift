import WireProtocol

/// What a policy achieved on one part of the traffic.
public struct TuningFigures: Hashable, Sendable {
  public struct Share: Hashable, Sendable {
    public let name: String
    public let requests: Int
    public let inSLO: Int

    public var ratio: Double { requests == 0 ? 1 : Double(inSLO) / Double(requests) }
  }

  public let requests: Int
  public let classes: [Share]
  /// Share within SLO, each request counted by its class's weight.
  public let weightedRatio: Double
  /// Share of the class with the tightest limits that kept its TTFT and 99 % of its gaps.
  public let tightestStrictRatio: Double
  /// Mean of the tenants' shares within SLO: each tenant counts once, however much it sends.
  public let tenantMeanRatio: Double
  public let ttftP99Us: Int
  public let tpotP99Us: Int
  public let tokensPerS: Double
  public let goodTokensPerS: Double
  public let preemptions: Int
  public let recomputedTokens: Int
  public let kvOccupancyMax: Double

  init(_ card: Scorecard) {
    requests = card.requests
    classes = card.classes.map { Share(name: $0.name, requests: $0.requests, inSLO: $0.good) }
    weightedRatio = card.weightedRatio
    let tightest = card.classes.filter { $0.requests > 0 }.min {
      ($0.tpotSLOUs, $0.ttftSLOUs) < ($1.tpotSLOUs, $1.ttftSLOUs)
    }
    tightestStrictRatio = tightest?.strictRatio ?? 1
    tenantMeanRatio = card.tenantMeanRatio
    ttftP99Us = card.all.ttftUs.quantile(0.99)
    tpotP99Us = card.all.tpotUs.quantile(0.99)
    tokensPerS = card.tokensPerS
    goodTokensPerS = card.goodputTokensPerS
    preemptions = card.preemptions
    recomputedTokens = card.recomputedTokens
    kvOccupancyMax = card.occupancyMax
  }

  public var json: JSONValue {
    [
      "requests": JSONValue(requests), "weighted_within_slo_ratio": .number(weightedRatio),
      "tightest_class_strict_within_slo_ratio": .number(tightestStrictRatio),
      "mean_tenant_within_slo_ratio": .number(tenantMeanRatio),
      "ttft_p99_ms": .number(Double(ttftP99Us) / 1000), "tpot_p99_ms": .number(Double(tpotP99Us) / 1000),
      "tokens_per_s": .number(tokensPerS), "goodput_tokens_per_s": .number(goodTokensPerS),
      "preemptions": JSONValue(preemptions), "recomputed_tokens": JSONValue(recomputedTokens),
      "kv_occupancy_max_ratio": .number(kvOccupancyMax),
      "classes": .array(
        classes.map {
          [
            "name": .string($0.name), "requests": JSONValue($0.requests), "within_slo_ratio": .number($0.ratio),
          ]
        }),
    ]
  }
}
