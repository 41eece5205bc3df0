import WireProtocol

/// What a run achieved. Times are virtual unless they say otherwise.
public struct Scorecard: Sendable {
  public var policy: String
  public var profile: String
  private(set) var classes: [ClassScore]
  private(set) var all: ClassScore
  private var tenants: [String: Int] = [:]
  private(set) var goodRequests = 0
  private(set) var goodTokens = 0
  private(set) var tokens = 0
  private(set) var sheds = 0

  public private(set) var iterations = 0
  public private(set) var preemptions = 0
  public private(set) var recomputedTokens = 0
  public private(set) var computedTokens = 0
  public private(set) var cachedTokens = 0
  public private(set) var refusedItems = 0
  private var occupancySum = 0.0
  private(set) var occupancyMax = 0.0
  private var busyUs = 0
  /// Virtual time of the whole run.
  public var makespanUs: Int64 = 0
  /// Real time of the whole run.
  public var wallUs = 0
  /// Real microseconds of each Step's round trip, as the engine saw it.
  public private(set) var roundTripNs = Histogram()

  public init(policy: String, profile: String, mix: ClassMix) {
    self.policy = policy
    self.profile = profile
    classes = mix.entries.map { ClassScore(name: $0.name, ttftSLOMs: $0.ttftSLOMs, tpotSLOMs: $0.tpotSLOMs) }
    all = ClassScore(name: "all", ttftSLOMs: 0, tpotSLOMs: 0)
  }

  public var requests: Int { all.requests }

  // MARK: - What the engine reports

  mutating func add(_ outcome: RequestOutcome) {
    let isGood = classes[outcome.classIndex].isGood(outcome)
    classes[outcome.classIndex].add(outcome, isGood: isGood)
    all.add(outcome, isGood: isGood)
    let outcomeTokens = outcome.promptTokens + outcome.outputTokens
    tokens += outcomeTokens
    tenants[outcome.tenant, default: 0] += outcomeTokens
    if isGood {
      goodRequests += 1
      goodTokens += outcomeTokens
    }
    if outcome.isShed { sheds += 1 }
  }

  mutating func addIteration(elapsedUs: Int, tokens: Int, occupancy: Double) {
    iterations += 1
    busyUs += elapsedUs
    computedTokens += tokens
    occupancySum += occupancy
    occupancyMax = max(occupancyMax, occupancy)
  }

  mutating func addPreemption(recomputedTokens: Int) {
    preemptions += 1
    self.recomputedTokens += recomputedTokens
  }

  mutating func addCached(_ tokens: Int) { cachedTokens += tokens }
  mutating func addRefusal() { refusedItems += 1 }
  mutating func addRoundTrip(ns: Int) { roundTripNs.add(ns) }

  // MARK: - What people and programs read

  /// Requests within their SLO per second of virtual time.
  public var goodputRequestsPerS: Double { Double(goodRequests) / max(1e-6, Double(makespanUs) / 1_000_000) }

  /// Goodput over a bound on it.
  func boundShare(_ boundRequestsPerS: Double) -> Double {
    boundRequestsPerS > 0 ? goodputRequestsPerS / boundRequestsPerS : 0
  }

  /// Prompt tokens included.
  var tokensPerS: Double { Double(tokens) / max(1e-6, Double(makespanUs) / 1_000_000) }

  /// Share of the KV blocks that are held, over iterations.
  var meanOccupancy: Double { iterations == 0 ? 0 : occupancySum / Double(iterations) }

  public var withinSLORatio: Double { all.withinSLORatio }

  /// Share within SLO of the class that fares worst; 1 when nothing was counted.
  public var worstClassRatio: Double { classes.lazy.map(\.withinSLORatio).min() ?? 1 }

  /// One entry of `runs`.
  public var json: JSONValue {
    let seconds = max(1e-6, Double(makespanUs) / 1_000_000)
    return [
      "policy": .string(policy), "profile": .string(profile), "requests": JSONValue(requests),
      "iterations": JSONValue(iterations),
      "iterations_per_s": .number(Double(iterations) / max(1e-6, Double(wallUs) / 1_000_000)), "all": all.json,
      "classes": .array(classes.map(\.json)),
      "goodput_requests_per_s": .number(goodputRequestsPerS),
      "goodput_tokens_per_s": .number(Double(goodTokens) / seconds),
      "goodput_token_ratio": .number(tokens == 0 ? 1 : Double(goodTokens) / Double(tokens)),
      "tokens_per_s": .number(tokensPerS), "computed_tokens": JSONValue(computedTokens),
      "cached_tokens": JSONValue(cachedTokens), "preemptions": JSONValue(preemptions),
      "recomputed_tokens": JSONValue(recomputedTokens), "refused_items": JSONValue(refusedItems),
      "shed_requests": JSONValue(sheds),
      "kv_occupancy_ratio": [
        "mean": .number(meanOccupancy), "max": .number(occupancyMax),
      ], "gpu_busy_ratio": .number(Double(busyUs) / 1_000_000 / seconds), "tenant_service_ratio": tenantServiceRatio,
      "makespan_s": .number(seconds), "wall_s": .number(Double(wallUs) / 1_000_000),
      "step_round_trip_us": [
        "p50": .number(Double(roundTripNs.quantile(0.5)) / 1000),
        "p99": .number(Double(roundTripNs.quantile(0.99)) / 1000),
      ],
    ]
  }

  /// Tokens of the tenant served most over those of the tenant served least; null with fewer than two.
  private var tenantServiceRatio: JSONValue {
    guard tenants.count > 1, let most = tenants.values.max(), let least = tenants.values.min(), least > 0 else {
      return .null
    }
    return .number(Double(most) / Double(least))
  }
}
