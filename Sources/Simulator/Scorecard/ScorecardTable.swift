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
    let occupancy = json["kv_occupancy_ratio"]
    let roundTrip = json["step_round_trip_us"]
    return [
      line(
        "goodput",
        "\(TableText.number(json["goodput_requests_per_s"])) requests/s, "
          + "\(TableText.number(json["goodput_tokens_per_s"])) tokens/s "
          + "(\(TableText.percent(json["goodput_token_ratio"])) of all tokens)"
      ),
      line("throughput", "\(TableText.number(json["tokens_per_s"])) tokens/s, prompt tokens included"),
      line(
        "KV occupancy", "mean \(TableText.percent(occupancy?["mean"])), max \(TableText.percent(occupancy?["max"]))"),
      line(
        "preemptions",
        "\(TableText.whole(json["preemptions"])), \(TableText.whole(json["recomputed_tokens"])) tokens recomputed; "
          + "\(TableText.whole(json["cached_tokens"])) tokens from the prefix cache"),
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
