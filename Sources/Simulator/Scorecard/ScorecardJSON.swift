import WireProtocol

/// A scorecard as `simulate -o json` and `engine -o json` print it (Schemas/scorecard-v1.json).
struct ScorecardJSON {
  let card: Scorecard

  var value: JSONValue {
    var object: JSONObject = [
      "policy": .string(card.policy), "profile": .string(card.profile), "instances": JSONValue(card.instances),
      "requests": JSONValue(card.requests), "iterations": JSONValue(card.iterations),
      "iterations_per_s": .number(Double(card.iterations) / max(1e-6, Double(card.wallUs) / 1_000_000)),
      "all": Self.score(card.all), "classes": .array(card.classes.map(Self.score)),
    ]
    for (name, value) in goodput + memory + preemption + machine { object[name] = value }
    return .object(object)
  }

  private var goodput: [(String, JSONValue)] {
    [
      ("goodput_requests_per_s", .number(card.goodputRequestsPerS)),
      ("goodput_tokens_per_s", .number(card.goodputTokensPerS)),
      ("goodput_token_ratio", .number(card.tokens == 0 ? 1 : Double(card.goodTokens) / Double(card.tokens))),
      ("weighted_within_slo_ratio", .number(card.weightedRatio)), ("tokens_per_s", .number(card.tokensPerS)),
      ("computed_tokens", JSONValue(card.computedTokens)), ("cached_tokens", JSONValue(card.cachedTokens)),
      ("refused_items", JSONValue(card.refusedItems)), ("shed_requests", JSONValue(card.sheds)),
      ("token_gap_ms", Self.quantiles(card.gaps.all)),
      ("tenant_service_ratio", Self.number(card.tenantServiceRatio)), ("fairness", fairness),
      ("queue_wait_estimate", waitEstimate),
    ]
  }

  private var waitEstimate: JSONValue {
    [
      "requests": JSONValue(card.waits.requests), "long_waits": JSONValue(card.waits.longWaits),
      "mean_wait_ms": .number(card.waits.meanWaitUs / 1000),
      "mean_estimate_ms": .number(card.waits.meanEstimateUs / 1000),
      "median_relative_error": Self.number(card.waits.medianRelativeError),
      "explained_ratio": Self.number(card.waits.explainedRatio),
      "within_bound_ratio": Self.number(card.waits.withinBoundRatio),
      "long_within_bound_ratio": Self.number(card.waits.longWithinBoundRatio),
    ]
  }

  private var fairness: JSONValue {
    let ratios = card.fairness.windowRatios
    let long = card.fairness.longWindowRatios
    return [
      "windows": JSONValue(ratios.count),
      "service_ratio_mean": Self.number(ratios.count == 0 ? nil : ratios.mean / 1000),
      "service_ratio_p99": Self.number(ratios.count == 0 ? nil : Double(ratios.quantile(0.99)) / 1000),
      "windows_60s": JSONValue(long.count),
      "service_ratio_60s_mean": Self.number(long.count == 0 ? nil : long.mean / 1000),
      "service_ratio_60s_max": Self.number(long.count == 0 ? nil : Double(long.quantile(1)) / 1000),
      "max_service_difference_tokens": JSONValue(card.fairness.largestDifference),
      "vtc_bound_tokens": JSONValue(card.fairness.boundTokens),
    ]
  }

  private var memory: [(String, JSONValue)] {
    [
      ("kv_occupancy_ratio", ["mean": .number(card.meanOccupancy), "max": .number(card.occupancyMax)]),
      ("kv_fragmentation_ratio", ["mean": .number(card.meanFragmentation), "max": .number(card.fragmentationMax)]),
      ("cpu_offload", offload(card.cpuTraffic)), ("ssd_offload", offload(card.ssdTraffic)),
      ("kv_transfer_bytes", JSONValue(card.transferredBytes)), ("prefix_cache", prefixCache),
    ]
  }

  private var prefixCache: JSONValue {
    let counts = card.prefix
    let seconds = max(1e-6, Double(card.makespanUs) / 1_000_000)
    return [
      "hit_ratio": Self.number(card.hitRatio),
      "evicted_by_plan_tokens": JSONValue(counts.planEvictedBlocks * card.blockTokens),
      "evicted_by_plan_units": JSONValue(counts.planEvictedUnits), "missed_units": JSONValue(counts.missedUnits),
      "evicted_by_engine_tokens": JSONValue(counts.engineEvictedBlocks * card.blockTokens),
      "pinned_units": JSONValue(counts.pinnedUnits),
      "evicted_pinned_tokens": JSONValue(counts.pinnedEvictedBlocks * card.blockTokens),
      "tier_stored_tokens": JSONValue(counts.storedBlocks * card.blockTokens),
      "prefetched_tokens": JSONValue(counts.fetchedBlocks * card.blockTokens),
      "prefetched_hit_tokens": JSONValue(counts.fetchedHitBlocks * card.blockTokens),
      "prefetched_wasted_tokens": JSONValue(counts.fetchedWastedBlocks * card.blockTokens),
      "prefetch_link_busy_ratio": .number(Double(counts.fetchUs) / 1_000_000 / seconds / Double(card.instances)),
    ]
  }

  private func offload(_ traffic: OffloadTraffic) -> JSONValue {
    let seconds = max(1e-6, Double(card.makespanUs) / 1_000_000)
    return [
      "out_bytes": JSONValue(traffic.bytesOut), "in_bytes": JSONValue(traffic.bytesIn),
      "bandwidth_mb_s": .number(Double(traffic.bytes) / seconds / 1_000_000),
      "busy_ratio": .number(Double(traffic.busyUs) / 1_000_000 / seconds / Double(card.instances)),
    ]
  }

  private var preemption: [(String, JSONValue)] {
    [
      ("preemptions", JSONValue(card.preemptions)), ("recomputed_tokens", JSONValue(card.recomputedTokens)),
      ("preemptions_per_request", .number(Double(card.preemptions) / Double(max(1, card.requests)))),
      ("preemption_choices", choices), ("preempted_gap_ms", Self.quantiles(card.gaps.preempted)),
      ("token_gap_p99_added_by_preemption_ms", Self.ms(card.gaps.addedByPreemptionP99Us)),
      ("drafted_tokens", JSONValue(card.draftedTokens)), ("accepted_tokens", JSONValue(card.acceptedTokens)),
      ("adapter_loads", JSONValue(card.adapterLoads)), ("gpu_losses", JSONValue(card.gpuLosses)),
    ]
  }

  private var choices: JSONValue {
    [
      "count": JSONValue(card.choices.count), "copies": JSONValue(card.choices.copies),
      "right": JSONValue(card.choices.right), "right_ratio": Self.number(card.choices.rightRatio),
      "cost_ms": Self.ms(card.choices.costUs), "best_cost_ms": Self.ms(card.choices.bestUs),
    ]
  }

  private var machine: [(String, JSONValue)] {
    [
      ("gpu_busy_ratio", .number(card.busyRatio)),
      ("usd_per_million_tokens", Self.number(card.pricePerMillion(card.tokens))),
      ("usd_per_million_good_tokens", Self.number(card.pricePerMillion(card.goodTokens))),
      ("makespan_s", .number(max(1e-6, Double(card.makespanUs) / 1_000_000))),
      ("wall_s", .number(Double(card.wallUs) / 1_000_000)),
      (
        "step_round_trip_us",
        [
          "mean": .number(card.roundTripNs.mean / 1000),
          "p50": .number(Double(card.roundTripNs.quantile(0.5)) / 1000),
          "p99": .number(Double(card.roundTripNs.quantile(0.99)) / 1000),
        ]
      ),
    ]
  }

  private static func score(_ score: ClassScore) -> JSONValue {
    [
      "name": .string(score.name), "requests": JSONValue(score.requests),
      "within_slo_ratio": .number(score.withinSLORatio), "strict_within_slo_ratio": .number(score.strictRatio),
      "ttft_ms": quantiles(score.ttftUs), "tpot_ms": quantiles(score.tpotUs), "max_gap_ms": quantiles(score.maxGapUs),
    ]
  }

  private static func quantiles(_ us: Histogram) -> JSONValue {
    [
      "mean": .number(us.mean / 1000), "p50": ms(us.quantile(0.5)), "p90": ms(us.quantile(0.9)),
      "p95": ms(us.quantile(0.95)), "p99": ms(us.quantile(0.99)), "max": ms(us.max),
    ]
  }

  private static func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
  private static func ms(_ us: Int) -> JSONValue { .number(Double(us) / 1000) }
}

extension Scorecard {
  /// One entry of `runs`.
  public var json: JSONValue { ScorecardJSON(card: self).value }
}
