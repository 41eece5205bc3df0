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
        "capacity         \(number(sweep.capacityRequestsPerS)) requests/s "
          + "(\(TableText.percent(.number(RateSweep.goodRatio))) of every class), "
          + "\(TableText.percent(.number(run.shareOfBound))) of the bound")
    }
    if let changes = run.scorecard.roleChanges, let prefill = run.scorecard.prefillEngines {
      let end = prefill == 0 ? "mixed at the end" : "\(prefill) prefill at the end"
      lines.append("roles            \(changes) changes, \(end)")
    }
    if !run.isComplete { lines.append("interrupted: this is what was known by then") }
    return lines.joined(separator: "\n")
  }

  private static let columns = [
    ("in SLO", 8), ("worst class", 12), ("goodput/s", 11), ("of bound", 10), ("capacity/s", 12), ("preempted", 10),
  ]

  private static func comparison(_ runs: [SimulationRun]) -> String {
    let head = columns.map { TableText.right($0.0, $0.1) }.joined()
    return ([TableText.left("policy", nameWidth) + head] + runs.map(row)).joined(separator: "\n")
  }

  private static let nameWidth = 17

  private static func row(_ run: SimulationRun) -> String {
    let card = run.scorecard
    let cells = [
      TableText.percent(.number(card.withinSLORatio)), TableText.percent(.number(card.worstClassRatio)),
      number(card.goodputRequestsPerS), TableText.percent(.number(run.shareOfBound)),
      run.sweep.map { number($0.capacityRequestsPerS) } ?? "-", "\(card.preemptions)",
    ]
    return TableText.left(card.policy, nameWidth)
      + zip(cells, columns).map { TableText.right($0.0, $0.1.1) }.joined()
  }

  private static func number(_ value: Double) -> String { TableText.number(.number(value)) }
}
