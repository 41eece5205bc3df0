/// The tables and bars of the report's page. Policies are columns: there are few of them, and a phone is narrow.
struct SimulationReportTables {
  let runs: [SimulationRun]

  private struct Row {
    var name: String
    var values: [Double?]
    var text: (Double) -> String
    /// nil: neither is better.
    var moreIsBetter: Bool?
  }

  /// Goodput or capacity of each run as a bar against the bound, best first.
  var bars: String {
    let bound = runs.map(\.boundRequestsPerS).max() ?? 0
    let full = max(bound, runs.map(\.merit).max() ?? 0, 1e-9)
    let ranked = runs.enumerated().sorted { $0.element.merit > $1.element.merit }
    let rows = ranked.map { index, run in
      bar(run.scorecard.policy, run.merit, full, of: bound, "f\(index % HTMLText.colours)")
    }
    return "<div class=\"bars\">" + (rows + [bar("fluid bound", bound, full, of: 0, "fb")]).joined(separator: "\n")
      + "</div>"
  }

  private func bar(_ name: String, _ value: Double, _ full: Double, of bound: Double, _ style: String) -> String {
    let share = bound > 0 ? " <small>\(HTMLText.percent(value / bound))</small>" : ""
    let width = HTMLText.decimal(100 * value / full, 1)
    return "<div class=\"bar\"><span class=\"n\">\(HTMLText.escaped(name))</span>"
      + "<span class=\"v\"><i class=\"\(style)\" style=\"width:\(width)%\"></i></span>"
      + "<span class=\"w\">\(HTMLText.figures(value))\(share)</span></div>"
  }

  var summary: String { table(head: "", serviceRows + latencyRows + memoryRows + costRows) }

  private func row(
    _ name: String, _ moreIsBetter: Bool?, _ text: @escaping (Double) -> String, _ value: (SimulationRun) -> Double?
  ) -> Row { Row(name: name, values: runs.map(value), text: text, moreIsBetter: moreIsBetter) }

  private var serviceRows: [Row] {
    [
      row("capacity, requests/s", true, HTMLText.figures) { $0.sweep?.capacityRequestsPerS },
      row("of the bound", true, HTMLText.percent) { $0.shareOfBound },
      row("offered, requests/s", nil, HTMLText.figures) { $0.offeredRequestsPerS },
      row("within SLO", true, HTMLText.percent) { $0.scorecard.withinSLORatio },
      row("worst class within SLO", true, HTMLText.percent) { $0.scorecard.worstClassRatio },
      row("99 % of gaps within TPOT", true, HTMLText.percent) { $0.scorecard.strictRatio },
      row("within SLO, weighted", true, HTMLText.percent) { $0.scorecard.weightedRatio },
      row("good requests/s", true, HTMLText.figures) { $0.scorecard.goodputRequestsPerS },
      row("good tokens/s", true, HTMLText.whole) { $0.scorecard.goodputTokensPerS },
    ]
  }

  private var latencyRows: [Row] {
    let kinds: [(String, (Scorecard) -> Histogram)] = [
      ("TTFT", \.all.ttftUs), ("TPOT", \.all.tpotUs), ("token gap", \.gaps.all),
    ]
    return kinds.flatMap { name, us in
      [(50, 0.5), (95, 0.95), (99, 0.99)].map { label, q in
        row("\(name) p\(label), ms", false, HTMLText.figures) { Double(us($0.scorecard).quantile(q)) / 1000 }
      }
    } + [
      row("largest gap p99, ms", false, HTMLText.figures) {
        Double($0.scorecard.all.maxGapUs.quantile(0.99)) / 1000
      },
      row("gap p99 added by preemption, ms", false, HTMLText.figures) {
        Double($0.scorecard.gaps.addedByPreemptionP99Us) / 1000
      },
    ]
  }

  private var memoryRows: [Row] {
    [
      row("KV occupancy, mean", nil, HTMLText.percent) { $0.scorecard.meanOccupancy },
      row("KV occupancy, max", nil, HTMLText.percent) { $0.scorecard.occupancyMax },
      row("KV fragmentation, mean", false, HTMLText.percent) { $0.scorecard.meanFragmentation },
      row("preemptions", false, HTMLText.whole) { Double($0.scorecard.preemptions) },
      row("tokens recomputed", false, HTMLText.whole) { Double($0.scorecard.recomputedTokens) },
      row("CPU offload, MB/s", nil, HTMLText.figures) { megabytesPerS($0, $0.scorecard.cpuTraffic) },
      row("SSD offload, MB/s", nil, HTMLText.figures) { megabytesPerS($0, $0.scorecard.ssdTraffic) },
    ]
  }

  private func megabytesPerS(_ run: SimulationRun, _ traffic: OffloadTraffic) -> Double? {
    traffic.bytes > 0 ? Double(traffic.bytes) / max(1, Double(run.scorecard.makespanUs)) : nil
  }

  private var costRows: [Row] {
    [
      row("service difference of tenants, tokens", false, HTMLText.whole) {
        $0.scorecard.fairness.largestDifference > 0 ? Double($0.scorecard.fairness.largestDifference) : nil
      },
      row("GPU busy", nil, HTMLText.percent) { $0.scorecard.busyRatio },
      row("$ per million tokens", false, HTMLText.cents) {
        $0.scorecard.pricePerMillion($0.scorecard.tokens)
      },
      row("scheduler p50 per step, us", false, HTMLText.figures) {
        Double($0.scorecard.roundTripNs.quantile(0.5)) / 1000
      },
    ]
  }

  private func table(head: String, _ rows: [Row]) -> String {
    let titles = ([head] + runs.map(title)).map { "<th>\($0)</th>" }.joined()
    let body = rows.filter { $0.values.contains { $0 != nil } }.map(html).joined(separator: "\n")
    return "<div class=\"scroll\"><table><thead><tr>\(titles)</tr></thead>\n<tbody>\n\(body)\n</tbody></table></div>"
  }

  private func title(_ run: SimulationRun) -> String {
    HTMLText.escaped(run.scorecard.policy) + (run.isComplete ? "" : " (interrupted)")
  }

  private func html(_ row: Row) -> String {
    let texts = row.values.map { $0.map(row.text) ?? "-" }
    let known = row.values.compactMap { $0 }
    let best = row.moreIsBetter == true ? known.max() : row.moreIsBetter == false ? known.min() : nil
    let bestText = best.map(row.text)
    // Where all are alike nobody is best.
    let isDecided = Set(texts).count > 1
    let cells = texts.map { text in
      isDecided && text == bestText ? "<td><b>\(text)</b></td>" : "<td>\(text)</td>"
    }
    return "<tr><td>\(row.name)</td>\(cells.joined())</tr>"
  }

  /// Every class of every run.
  var classes: String {
    let head = ["class", "policy", "limits ms", "requests", "in SLO", "TTFT p50", "p99", "TPOT p50", "p99", "gap p99"]
    let titles = head.map { "<th>\($0)</th>" }.joined()
    let count = runs.first?.scorecard.classes.count ?? 0
    let body = (0..<count).flatMap { index in runs.map { classRow($0.scorecard.policy, $0.scorecard.classes[index]) } }
    return "<div class=\"scroll\"><table class=\"c\"><thead><tr>\(titles)</tr></thead>\n<tbody>\n"
      + body.joined(separator: "\n") + "\n</tbody></table></div>"
  }

  private func classRow(_ policy: String, _ score: ClassScore) -> String {
    let quantiles = [score.ttftUs, score.tpotUs].flatMap { us in
      [0.5, 0.99].map { HTMLText.figures(Double(us.quantile($0)) / 1000) }
    }
    let cells =
      [
        HTMLText.escaped(score.name), HTMLText.escaped(policy),
        "\(score.ttftSLOUs / 1000) / \(score.tpotSLOUs / 1000)", "\(score.requests)",
        HTMLText.percent(score.withinSLORatio),
      ] + quantiles + [HTMLText.figures(Double(score.maxGapUs.quantile(0.99)) / 1000)]
    return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
  }
}
