import WireProtocol

/// A scorecard for people, 80 columns wide.
public enum ScorecardTable {
  public static func text(_ json: JSONValue) -> String {
    var lines = [
      "policy \(json["policy"]?.stringValue ?? "")   profile \(json["profile"]?.stringValue ?? "")",
      "",
      "                                 ------ TTFT ms ------   ------ TPOT ms -----",
      "class          requests   in SLO      p50     p95     p99      p50    p95    p99",
    ]
    for entry in (json["classes"]?.arrayValue ?? []) + [json["all"] ?? [:]] { lines.append(row(entry)) }
    lines.append("")
    lines += totals(json)
    return lines.joined(separator: "\n")
  }

  private static func row(_ entry: JSONValue) -> String {
    let name = entry["name"]?.stringValue ?? ""
    let ratio = TableText.percent(entry["within_slo_ratio"])
    return TableText.left(name, 14) + TableText.right("\(entry["requests"]?.integerValue ?? 0)", 9)
      + TableText.right(ratio, 9) + TableText.right(TableText.number(entry["ttft_ms"]?["p50"]), 9)
      + TableText.right(TableText.number(entry["ttft_ms"]?["p95"]), 8)
      + TableText.right(TableText.number(entry["ttft_ms"]?["p99"]), 8)
      + TableText.right(TableText.number(entry["tpot_ms"]?["p50"]), 9)
      + TableText.right(TableText.number(entry["tpot_ms"]?["p95"]), 7)
      + TableText.right(TableText.number(entry["tpot_ms"]?["p99"]), 7)
  }

  private static func totals(_ json: JSONValue) -> [String] {
    service(json) + memory(json) + features(json) + machine(json)
  }

  private static func service(_ json: JSONValue) -> [String] {
    [
      line(
        "goodput",
        "\(TableText.number(json["goodput_requests_per_s"])) requests/s, "
          + "\(TableText.number(json["goodput_tokens_per_s"])) tokens/s "
          + "(\(TableText.percent(json["goodput_token_ratio"])) of all tokens)"
      ),
      line(
        "in SLO",
        "\(TableText.percent(json["weighted_within_slo_ratio"])) weighted by class; "
          + "\(TableText.percent(json["all"]?["strict_within_slo_ratio"])) have 99 % of gaps in TPOT"),
      line("throughput", "\(TableText.number(json["tokens_per_s"])) tokens/s, prompt tokens included"),
    ]
  }

  private static func memory(_ json: JSONValue) -> [String] {
    let occupancy = json["kv_occupancy_ratio"]
    return [
      line(
        "KV occupancy",
        "mean \(TableText.percent(occupancy?["mean"])), max \(TableText.percent(occupancy?["max"])); "
          + "fragmentation \(TableText.percent(json["kv_fragmentation_ratio"]?["mean"]))"),
      line(
        "preemptions",
        "\(TableText.whole(json["preemptions"])), \(TableText.whole(json["recomputed_tokens"])) tokens recomputed; "
          + "\(TableText.whole(json["cached_tokens"])) tokens from the prefix cache"),
    ]
  }

  /// Lines for what only some runs have.
  private static func features(_ json: JSONValue) -> [String] {
    var lines: [String] = []
    if isPositive(json["preemptions"]) {
      let added = json["token_gap_p99_added_by_preemption_ms"]
      lines.append(
        line(
          "token gaps",
          "p99 \(TableText.number(json["token_gap_ms"]?["p99"])) ms, of it "
            + "\(TableText.number(added)) ms by preemption"))
    }
    if isPositive(json["preemption_choices"]?["count"]) {
      let choices = json["preemption_choices"]
      lines.append(
        line(
          "recompute, copy",
          "\(TableText.whole(choices?["right"])) of \(TableText.whole(choices?["count"])) choices right in hindsight, "
            + "\(TableText.whole(choices?["copies"])) copied; "
            + "\(TableText.number(choices?["cost_ms"])) ms, best \(TableText.number(choices?["best_cost_ms"])) ms"))
    }
    if isPositive(json["cpu_offload"]?["out_bytes"]) || isPositive(json["ssd_offload"]?["out_bytes"]) {
      let cpu = TableText.number(json["cpu_offload"]?["bandwidth_mb_s"])
      lines.append(
        line("offload", "CPU \(cpu) MB/s, SSD \(TableText.number(json["ssd_offload"]?["bandwidth_mb_s"])) MB/s"))
    }
    lines += prefixCache(json["prefix_cache"])
    if isPositive(json["drafted_tokens"]) {
      let drafted = TableText.whole(json["drafted_tokens"])
      lines.append(line("drafts", "\(TableText.whole(json["accepted_tokens"])) of \(drafted) right"))
    }
    if isPositive(json["fairness"]?["max_service_difference_tokens"]) {
      let difference = TableText.whole(json["fairness"]?["max_service_difference_tokens"])
      lines.append(line("fairness", "service of waiting tenants differs by at most \(difference) weighted tokens"))
    }
    if isPositive(json["queue_wait_estimate"]?["long_waits"]) {
      let waits = json["queue_wait_estimate"]
      lines.append(
        line(
          "wait estimates",
          "off by \(TableText.percent(waits?["median_relative_error"])) (median, long ones), "
            + "\(TableText.percent(waits?["within_bound_ratio"])) in bound"))
    }
    if json["usd_per_million_tokens"]?.doubleValue != nil {
      let all = TableText.number(json["usd_per_million_tokens"])
      let good = TableText.number(json["usd_per_million_good_tokens"])
      lines.append(line("price", "$ \(all) per million tokens, $ \(good) per million within SLO"))
    }
    return lines
  }

  private static func prefixCache(_ json: JSONValue?) -> [String] {
    var lines: [String] = []
    if isPositive(json?["hit_ratio"]) {
      lines.append(line("prefix cache", "\(TableText.percent(json?["hit_ratio"])) of the prompt tokens found"))
    }
    if isPositive(json?["evicted_by_plan_tokens"]) {
      lines.append(
        line(
          "evicted",
          "\(TableText.whole(json?["evicted_by_plan_tokens"])) tokens by plan, "
            + "\(TableText.whole(json?["evicted_by_engine_tokens"])) by the engine"))
    }
    if isPositive(json?["prefetched_tokens"]) {
      lines.append(
        line(
          "prefetch",
          "\(TableText.whole(json?["prefetched_tokens"])) tokens, \(TableText.whole(json?["prefetched_hit_tokens"])) "
            + "found, \(TableText.whole(json?["prefetched_wasted_tokens"])) wasted"))
    }
    return lines
  }

  private static func isPositive(_ value: JSONValue?) -> Bool { value?.doubleValue ?? 0 > 0 }

  private static func machine(_ json: JSONValue) -> [String] {
    let roundTrip = json["step_round_trip_us"]
    return [
      line(
        "GPU busy",
        "\(TableText.percent(json["gpu_busy_ratio"])) of \(TableText.number(json["makespan_s"])) s virtual time"),
      line("iterations", "\(TableText.whole(json["iterations"])) in \(TableText.number(json["wall_s"])) s real time"),
      line(
        "Step round trip",
        "p50 \(TableText.number(roundTrip?["p50"])) us, p99 \(TableText.number(roundTrip?["p99"])) us (real time)"),
    ]
  }

  private static func line(_ name: String, _ value: String) -> String { TableText.left(name, 17) + value }
}
