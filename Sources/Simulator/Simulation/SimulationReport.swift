/// A simulation as one self-contained page: which policy, how much better, how far from the bound.
public struct SimulationReport {
  let simulation: Simulation
  let runs: [SimulationRun]

  public init(simulation: Simulation, runs: [SimulationRun]) {
    self.simulation = simulation
    self.runs = runs
  }

  public var html: String {
    let charts = SimulationReportCharts(runs: runs)
    let tables = SimulationReportTables(runs: runs)
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Simulation: \(HTMLText.escaped(simulation.source.name))</title>
      <style>\(SimulationReportStyle.css)</style>
      </head>
      <body>
      <h1>\(HTMLText.escaped(simulation.source.name)) on \(HTMLText.escaped(simulation.profile.gpu))</h1>
      <p class="verdict">\(verdict)</p>
      \(tables.bars)
      <p class="note">\(meritNote) \(setting)</p>
      \(Self.section("How far it goes", charts.capacity))
      \(Self.section("What users wait", charts.latency, note: "At the offered rate."))
      \(Self.section("What the GPU does", charts.overTime))
      \(fairness(charts))
      <h2>In numbers</h2>
      \(tables.summary)
      <h2>By class</h2>
      \(tables.classes)
      <h2>How to read this</h2>
      <p class="note">Times are virtual: the iteration time comes from the GPU profile, the scheduler is the sidecar's
      own core. A request is within its SLO when its time to first token and its mean time per output token are within
      its class's limits. The fluid bound is the rate at which every request could be served at the classes' pace if
      work were a fluid; no scheduler that serves everyone gets above it.</p>
      </body>
      </html>

      """
  }

  private static func section(_ title: String, _ charts: [SVGChart], note: String = "") -> String {
    guard !charts.isEmpty else { return "" }
    let text = note.isEmpty ? "" : "<p class=\"note\">\(note)</p>"
    return "<h2>\(title)</h2>\(text)<div class=\"charts\">\n"
      + charts.map { $0.svg() }.joined(separator: "\n") + "\n</div>"
  }

  private func fairness(_ charts: SimulationReportCharts) -> String {
    if let chart = charts.fairness { return Self.section("Fairness over time", [chart]) }
    return "<h2>Fairness over time</h2><p class=\"note\">No two tenants had requests waiting at the same time: there "
      + "was nothing to share out.</p>"
  }

  private var setting: String {
    let profile = simulation.profile
    let overhead = HTMLText.figures(Double(profile.time.overheadUs) / 1000)
    let count = simulation.cluster.instances.count
    let instances = count > 1 ? "\(count) instances, " : ""
    let rate = HTMLText.figures(simulation.demand.ratePerS * simulation.rateScale)
    return HTMLText.escaped(
      "\(instances)\(profile.modelID), profile \(profile.name), engine overhead \(overhead) ms per step, "
        + "\(simulation.demand.requests) requests at \(rate) per second, seed \(simulation.source.seed).")
  }

  private var hasSweep: Bool { runs.contains { $0.sweep != nil } }

  private var meritNote: String {
    hasSweep
      ? "Capacity: the largest rate, in requests per second, with \(HTMLText.percent(RateSweep.goodRatio)) of every "
        + "class within its SLO."
      : "Requests per second within their SLO, at the offered rate."
  }

  /// The answer in one or two sentences.
  private var verdict: String {
    let ranked = runs.sorted { $0.merit > $1.merit }
    guard let best = ranked.first else { return "Nothing ran." }
    guard best.merit > 0 else { return "No policy kept the SLO at any rate that was tried." }
    let isTie = ranked.count > 1 && ranked[1].merit == best.merit
    var text = isTie ? "Nobody is ahead: " : ""
    text += "<b>\(HTMLText.escaped(best.scorecard.policy))</b> "
    text +=
      best.sweep != nil
      ? "carries <b>\(HTMLText.figures(best.merit)) requests/s</b>"
      : "serves \(HTMLText.percent(best.scorecard.withinSLORatio)) of the requests within their SLO, "
        + "<b>\(HTMLText.figures(best.merit)) good requests/s</b>"
    if ranked.count > 1, !isTie { text += comparison(best, ranked[1]) }
    return text + ". That is <b>\(HTMLText.percent(best.shareOfBound))</b> of the fluid bound, "
      + "\(HTMLText.figures(best.boundRequestsPerS)) requests/s" + Self.offeredNote(best)
  }

  private static func offeredNote(_ run: SimulationRun) -> String {
    if run.shareOfBound > 1 {
      return ": more than can be served for ever, because the trace ends before what was put off comes due."
    }
    guard run.sweep == nil, run.offeredRequestsPerS < run.boundRequestsPerS else { return "." }
    return "; only \(HTMLText.percent(run.offeredRequestsPerS / run.boundRequestsPerS)) of it was asked for."
  }

  private func comparison(_ best: SimulationRun, _ next: SimulationRun) -> String {
    let name = HTMLText.escaped(next.scorecard.policy)
    let merit = next.merit
    guard merit > 0 else { return "; \(name) keeps the SLO at no rate that was tried" }
    return ", <b>\(HTMLText.percent(best.merit / merit - 1))</b> more than \(name)"
  }
}
