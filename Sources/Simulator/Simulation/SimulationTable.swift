import WireProtocol

/// The runs of a simulation for people, 80 columns wide: what each achieved, then how they compare.
public enum SimulationTable {
  public static func text(_ runs: [SimulationRun]) -> String {
    var parts = runs.map(section)
    if runs.count > 1 { parts.append(comparison(runs)) }
    return parts.joined(separator: "\n\n\n")
  }

  private static func section(_ run: SimulationRun) -> String {
    var lines = [ScorecardTable.text(run.scorecard.json)]
    lines.append(
      "offered          \(number(run.offeredRequestsPerS)) requests/s; fluid bound \(number(run.boundRequestsPerS)) "
        + "requests/s")
    if let sweep = run.sweep {
      lines.append(
        "capacity         \(number(sweep.capacityRequestsPerS)) requests/s with "
          + "\(TableText.percent(.number(RateSweep.goodRatio))) of every class in SLO, "
          + "\(TableText.percent(.number(run.shareOfBound))) of the bound")
    }
    if !run.isComplete { lines.append("interrupted: this is what was known by then") }
    return lines.joined(separator: "\n")
  }

  private static func comparison(_ runs: [SimulationRun]) -> String {
    var lines = ["policy              in SLO   worst class   goodput/s   of bound   capacity/s   preempted"]
    for run in runs {
      let card = run.scorecard
      let goodput = card.boundShare(run.boundRequestsPerS)
      lines.append(
        TableText.left(card.policy, 16) + TableText.right(TableText.percent(.number(card.withinSLORatio)), 10)
          + TableText.right(TableText.percent(.number(card.worstClassRatio)), 14)
          + TableText.right(number(card.goodputRequestsPerS), 12)
          + TableText.right(TableText.percent(.number(run.sweep == nil ? goodput : run.shareOfBound)), 11)
          + TableText.right(run.sweep.map { number($0.capacityRequestsPerS) } ?? "-", 13)
          + TableText.right("\(card.preemptions)", 12))
    }
    return lines.joined(separator: "\n")
  }

  private static func number(_ value: Double) -> String { TableText.number(.number(value)) }
}
