import WireProtocol

/// A dry run for people: both halves under their own headings, so that neither is taken for the other.
enum DryRunText {
  static func text(_ report: JSONValue) -> String {
    var text = ""
    if let step = report["one_step"] { text += "\n" + oneStep(step) }
    if let loop = report["closed_loop"] { text += "\n" + closedLoop(loop) }
    return TextTable.printableLines(text)
  }

  private static func oneStep(_ step: JSONValue) -> String {
    let steps = step["steps"]?.integerValue ?? 0
    var text =
      "ONE STEP from each of the last \(Quantity.count(steps)) recorded states "
      + "(exact; what would follow is not in it)\n"
    guard steps > 0 else { return text + "no recorded state has a plan\n" }
    let same = step["same_plans"]?.integerValue ?? 0
    text += "the same plan in \(Quantity.count(same)) of \(Quantity.count(steps)), "
    text += "the same order of the queue in \(Quantity.count(step["same_orders"]?.integerValue ?? 0))\n"
    var table = TextTable(["PER STEP", ">BEFORE", ">AFTER"])
    for (name, key) in [
      ("tokens", "tokens"), ("of them prefill", "prefill_tokens"), ("requests", "requests"), ("admitted", "admitted"),
      ("left out", "paused"), ("preempted", "preempted"),
    ] {
      func mean(_ side: String) -> String {
        Quantity.decimal(Double(step[side]?[key]?.integerValue ?? 0) / Double(steps), places: 2)
      }
      table.add([name, mean("before"), mean("after")])
    }
    return text + table.text
  }

  private static func closedLoop(_ loop: JSONValue) -> String {
    let requests = loop["requests"]?.integerValue ?? 0
    var text = "CLOSED LOOP, simulated on profile \(loop["profile"]?.stringValue ?? "-"): "
    text += "\(Quantity.count(requests)) recorded requests"
    let guessed = loop["guessed_outputs"]?.integerValue ?? 0
    if guessed > 0 { text += ", the answers of \(Quantity.count(guessed)) guessed because they had not ended" }
    text += "\n"
    guard let before = loop["before"], let after = loop["after"], !before.isNull else {
      return text + "there is nothing to simulate\n"
    }
    text += "both judged by the objectives of \(loop["objectives"]?.stringValue ?? "?")\n"
    var table = TextTable(["CLASS", "", ">BEFORE", ">AFTER"])
    let classes = (after["classes"]?.arrayValue ?? []).filter { ($0["requests"]?.integerValue ?? 0) > 0 }
    for entry in [after["all"] ?? nil] + classes {
      let name = entry["name"]?.stringValue ?? "all"
      let old = name == "all" ? before["all"] : before["classes"]?.arrayValue?.first { $0["name"] == entry["name"] }
      for (title, value) in figures {
        table.add([title == figures[0].0 ? name : "", title, old.map(value) ?? "-", value(entry)])
      }
    }
    for (title, key) in [("goodput, requests/s", "goodput_requests_per_s"), ("preemptions", "preemptions")] {
      func shown(_ card: JSONValue) -> String {
        card[key]?.integerValue.map(Quantity.count) ?? Quantity.decimal(card[key]?.doubleValue ?? 0, places: 2)
      }
      table.add(["", title, shown(before), shown(after)])
    }
    return text + table.text
  }

  private static let figures: [(String, @Sendable (JSONValue) -> String)] = [
    ("within SLO", { Quantity.decimal(100 * ($0["within_slo_ratio"]?.doubleValue ?? 0), places: 1) + "%" }),
    ("TTFT p50, p99", { milliseconds($0["ttft_ms"]) }), ("TPOT p50, p99", { milliseconds($0["tpot_ms"]) }),
  ]

  private static func milliseconds(_ quantiles: JSONValue?) -> String {
    func part(_ name: String) -> String { Quantity.decimal(quantiles?[name]?.doubleValue ?? 0, places: 1) }
    return "\(part("p50")), \(part("p99")) ms"
  }
}
