import Policy
import Simulator
import WireProtocol

/// What tuning found, for people: what is wrong with the classes, a row for each step, the proposal, what it is worth.
enum TuningText {
  static func text(_ report: TuningReport) -> String {
    var parts = [head(report)]
    if !report.classes.isEmpty { parts.append(classes(report)) }
    if !report.steps.isEmpty { parts.append(steps(report)) }
    if let comparison = totals(report) { parts.append(comparison) }
    parts.append("PROPOSAL\n" + report.proposal.json.pretty() + "\n" + rolesLine(report))
    let warnings = report.warnings.map { "warning: \($0)\n" }.joined()
    if !warnings.isEmpty { parts.append(warnings) }
    if !report.isComplete { parts.append("interrupted: this is what was known by then\n") }
    return TextTable.printableLines(parts.joined(separator: "\n"))
  }

  private static func head(_ report: TuningReport) -> String {
    let traffic = report.traffic
    let heldBack =
      switch traffic.kind {
      case .secondSeed: "of another seed"
      case .secondHalf: "that came later"
      }
    let cut = traffic.isCut ? "; there were more, and only these are used" : ""
    let many = report.instances > 1 ? "\(report.instances) instances of " : ""
    return "tuning \(report.base.config.name) on \(traffic.name), \(many)profile \(report.profile)\n"
      + "\(Quantity.count(traffic.tuned.count)) requests to tune on, \(Quantity.count(traffic.heldBack.count)) "
      + "\(heldBack) to judge by\(cut)\n"
      + "better is: more of the \(report.objective.title), by \(report.objective.marginText) or more, else more "
      + "tokens per second; no class pays for it\n"
  }

  // MARK: - Tables

  private static func classes(_ report: TuningReport) -> String {
    var table = TextTable([
      "CLASS", ">REQUESTS", ">WEIGHT", ">TTFT SLO", ">TPOT SLO", ">IN SLO: ALONE", ">TUNED ON", ">HELD BACK",
    ])
    for one in report.classes {
      func share(_ figures: TuningFigures) -> String {
        figures.classes.first { $0.name == one.entry.name }.map { percent($0.ratio) } ?? "-"
      }
      func change(_ side: TuningComparison?) -> String {
        side.map { shown(share($0.before), share($0.after)) } ?? "-"
      }
      table.add([
        one.entry.name, Quantity.count(one.requests), "\(one.entry.weight)",
        Quantity.duration(us: one.entry.ttftSLOMs * 1_000), Quantity.duration(us: one.entry.tpotSLOMs * 1_000),
        percent(one.aloneRatio), change(report.tuned), change(report.heldBack),
      ])
    }
    return table.text
  }

  private static func steps(_ report: TuningReport) -> String {
    var table = TextTable([
      "STEP", ">TRIED", ">IN SLO", ">TTFT P99 MS", ">TPOT P99 MS", ">TOKENS/S", ">PREEMPTIONS", "CHANGE",
    ])
    for (index, result) in report.steps.enumerated() {
      let name = "\(index + 1) \(result.step.title)"
      let tried = result.obstacle == nil ? "\(result.trials.count)" : "-"
      guard result.reason == nil else {
        table.add([name, tried, "", "", "", "", "", result.reason ?? ""])
        continue
      }
      let effect = figures.map { _, figure in
        shown(figure(result.before), figure(result.after))
      }
      for (line, change) in changes(result).enumerated() {
        table.add(line == 0 ? [name, tried] + effect + [change] : ["", "", "", "", "", "", "", change])
      }
    }
    return table.text
  }

  private static func changes(_ result: TuningResult) -> [String] {
    var lines = result.changes.map { "\($0.pointer): \(value($0.before)) -> \(value($0.after))" }
    if let chosen = result.chosen, let roles = result.trials[chosen].candidate.roles {
      lines.append("instances: --roles \(roles.rawValue)")
    }
    return lines
  }

  private static func totals(_ report: TuningReport) -> String? {
    guard let tuned = report.tuned else { return nil }
    var table = TextTable(["TRAFFIC", "POLICY"] + figures.map { ">\($0.0)" })
    let sides = [("tuned on", tuned), ("held back", report.heldBack)].compactMap { name, side in
      side.map { (name, $0) }
    }
    for (name, side) in sides {
      table.add([name, report.base.config.name] + figures.map { $0.1(side.before) })
      table.add(["", "the proposal"] + figures.map { $0.1(side.after) })
    }
    return table.text + (report.outcome.map { $0.text + "\n" } ?? "")
  }

  private static func rolesLine(_ report: TuningReport) -> String {
    let chosen = report.steps.contains { $0.step == .disaggregation && $0.chosen != nil }
    guard chosen, let roles = report.roles else { return "" }
    return "and roles \(roles.rawValue) among the instances, which no policy file says\n"
  }

  // MARK: - Cells

  private static let figures: [(String, @Sendable (TuningFigures) -> String)] = [
    ("IN SLO", { percent($0.weightedRatio) }),
    ("TTFT P99 MS", { Quantity.decimal(Double($0.ttftP99Us) / 1000, places: 0) }),
    ("TPOT P99 MS", { Quantity.decimal(Double($0.tpotP99Us) / 1000, places: 1) }),
    ("TOKENS/S", { Quantity.count(Int($0.tokensPerS.rounded())) }),
    ("PREEMPTIONS", { Quantity.count($0.preemptions) }),
  ]

  private static func shown(_ before: String, _ after: String) -> String {
    before == after ? before : "\(before) -> \(after)"
  }

  private static func percent(_ ratio: Double) -> String { Quantity.decimal(100 * ratio, places: 1) + "%" }

  private static func value(_ json: JSONValue?) -> String {
    guard let json else { return "-" }
    return json == .null ? "not set" : PolicyDifferenceText.value(json)
  }
}
