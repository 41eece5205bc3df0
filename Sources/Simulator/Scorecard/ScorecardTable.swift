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
    let ratio = percent(entry["within_slo_ratio"])
    return left(name, 14) + right("\(entry["requests"]?.integerValue ?? 0)", 9)
      + right(ratio, 9) + right(number(entry["ttft_ms"]?["p50"]), 9)
      + right(number(entry["ttft_ms"]?["p95"]), 8) + right(number(entry["ttft_ms"]?["p99"]), 8)
      + right(number(entry["tpot_ms"]?["p50"]), 9) + right(number(entry["tpot_ms"]?["p95"]), 7)
      + right(number(entry["tpot_ms"]?["p99"]), 7)
  }

  private static func totals(_ json: JSONValue) -> [String] {
    let occupancy = json["kv_occupancy_ratio"]
    let roundTrip = json["step_round_trip_us"]
    return [
      line(
        "goodput",
        "\(number(json["goodput_requests_per_s"])) requests/s, "
          + "\(number(json["goodput_tokens_per_s"])) tokens/s (\(percent(json["goodput_token_ratio"])) of all tokens)"),
      line("throughput", "\(number(json["tokens_per_s"])) tokens/s, prompt tokens included"),
      line("KV occupancy", "mean \(percent(occupancy?["mean"])), max \(percent(occupancy?["max"]))"),
      line(
        "preemptions",
        "\(whole(json["preemptions"])), \(whole(json["recomputed_tokens"])) tokens recomputed; "
          + "\(whole(json["cached_tokens"])) tokens from the prefix cache"),
      line("GPU busy", "\(percent(json["gpu_busy_ratio"])) of \(number(json["makespan_s"])) s virtual time"),
      line("iterations", "\(whole(json["iterations"])) in \(number(json["wall_s"])) s real time"),
      line("Step round trip", "p50 \(number(roundTrip?["p50"])) us, p99 \(number(roundTrip?["p99"])) us (real time)"),
    ]
  }

  private static func line(_ name: String, _ value: String) -> String { left(name, 17) + value }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  private static func whole(_ value: JSONValue?) -> String { "\(value?.integerValue ?? 0)" }

  private static func percent(_ value: JSONValue?) -> String {
    let tenths = Int((value?.doubleValue ?? 0) * 1000 + 0.5)
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// Three significant digits or a whole number.
  private static func number(_ value: JSONValue?) -> String {
    let value = value?.doubleValue ?? 0
    guard value < 100 else { return "\(Int(value + 0.5))" }
    let hundredths = Int(value * (value < 10 ? 100 : 10) + 0.5)
    return value < 10
      ? "\(hundredths / 100)." + right0(hundredths % 100, 2) : "\(hundredths / 10).\(hundredths % 10)"
  }

  private static func right0(_ value: Int, _ width: Int) -> String {
    let text = "\(value)"
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
