import WireProtocol

/// Latencies of one class, and how many of its requests met their SLO.
struct ClassScore: Sendable {
  let name: String
  let ttftSLOUs: Int
  let tpotSLOUs: Int
  private(set) var requests = 0
  private(set) var good = 0
  private(set) var goodTokens = 0
  private(set) var tokens = 0
  private(set) var ttftUs = Histogram()
  private(set) var tpotUs = Histogram()
  private(set) var maxGapUs = Histogram()

  init(name: String, ttftSLOMs: Int, tpotSLOMs: Int) {
    self.name = name
    ttftSLOUs = ttftSLOMs * 1000
    tpotSLOUs = tpotSLOMs * 1000
  }

  /// Whether the outcome meets this class's SLO: TTFT, and mean TPOT.
  func isGood(_ outcome: RequestOutcome) -> Bool {
    guard let ttftUs = outcome.ttftUs, !outcome.isShed else { return false }
    return ttftUs <= ttftSLOUs && outcome.tpotUs <= tpotSLOUs
  }

  mutating func add(_ outcome: RequestOutcome, isGood: Bool) {
    requests += 1
    let outcomeTokens = outcome.promptTokens + outcome.outputTokens
    tokens += outcomeTokens
    if isGood {
      good += 1
      goodTokens += outcomeTokens
    }
    if let ttft = outcome.ttftUs { ttftUs.add(ttft) }
    if outcome.outputTokens > 1 {
      tpotUs.add(outcome.tpotUs)
      maxGapUs.add(outcome.maxGapUs)
    }
  }

  var withinSLORatio: Double { requests == 0 ? 1 : Double(good) / Double(requests) }

  var json: JSONValue {
    [
      "name": .string(name), "requests": JSONValue(requests), "within_slo_ratio": .number(withinSLORatio),
      "ttft_ms": Self.quantiles(ttftUs), "tpot_ms": Self.quantiles(tpotUs), "max_gap_ms": Self.quantiles(maxGapUs),
    ]
  }

  private static func quantiles(_ us: Histogram) -> JSONValue {
    [
      "mean": .number(us.mean / 1000), "p50": ms(us.quantile(0.5)), "p90": ms(us.quantile(0.9)),
      "p95": ms(us.quantile(0.95)), "p99": ms(us.quantile(0.99)),
    ]
  }

  private static func ms(_ us: Int) -> JSONValue { .number(Double(us) / 1000) }
}
