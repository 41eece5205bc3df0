/// The tables of the report's page.
enum SimulationReportTables {
  static func summary(_ runs: [SimulationRun]) -> String {
    let head = [
      "policy", "in SLO", "worst class", "good req/s", "of bound", "capacity req/s", "tokens/s", "TTFT p50 ms", "p95",
      "p99", "TPOT p50 ms", "p95", "p99", "KV mean", "KV max", "preemptions", "recomputed tokens",
    ]
    return table(head, runs.map(row))
  }

  private static func row(_ run: SimulationRun) -> [String] {
    let card = run.scorecard
    let name = card.policy + (run.isComplete ? "" : " (interrupted)")
    let capacity = run.sweep.map { HTMLText.figures($0.capacityRequestsPerS) } ?? "-"
    let quantiles = [card.all.ttftUs, card.all.tpotUs].flatMap { us in
      [0.5, 0.95, 0.99].map { HTMLText.figures(Double(us.quantile($0)) / 1000) }
    }
    return [
      HTMLText.escaped(name), HTMLText.percent(card.withinSLORatio), HTMLText.percent(card.worstClassRatio),
      HTMLText.figures(card.goodputRequestsPerS), HTMLText.percent(run.shareOfBound), capacity,
      HTMLText.decimal(card.tokensPerS, 0),
    ] + quantiles + [
      HTMLText.percent(card.meanOccupancy), HTMLText.percent(card.occupancyMax), "\(card.preemptions)",
      "\(card.recomputedTokens)",
    ]
  }

  /// Every class of every run.
  static func classes(_ runs: [SimulationRun]) -> String {
    let head = [
      "policy", "class", "limits ms", "requests", "in SLO", "TTFT p50 ms", "p95", "p99", "TPOT p50 ms", "p95", "p99",
      "largest gap p99 ms",
    ]
    return table(head, runs.flatMap { run in run.scorecard.classes.map { row(run.scorecard.policy, $0) } })
  }

  private static func row(_ policy: String, _ score: ClassScore) -> [String] {
    let quantiles = [score.ttftUs, score.tpotUs].flatMap { us in
      [0.5, 0.95, 0.99].map { HTMLText.figures(Double(us.quantile($0)) / 1000) }
    }
    return [
      HTMLText.escaped(policy), HTMLText.escaped(score.name),
      "\(score.ttftSLOUs / 1000) / \(score.tpotSLOUs / 1000)", "\(score.requests)",
      HTMLText.percent(score.withinSLORatio),
    ] + quantiles + [HTMLText.figures(Double(score.maxGapUs.quantile(0.99)) / 1000)]
  }

  private static func table(_ head: [String], _ rows: [[String]]) -> String {
    let titles = head.map { "<th>\($0)</th>" }.joined()
    let body = rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined(separator: "\n")
    return "<div class=\"scroll\"><table><thead><tr>\(titles)</tr></thead>\n<tbody>\n\(body)\n</tbody></table></div>"
  }
}
