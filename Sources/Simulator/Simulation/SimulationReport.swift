/// A simulation as one self-contained page: which policy, how much better, how far from the bound.
public struct SimulationReport {
  let simulation: Simulation
  let runs: [SimulationRun]

  public init(simulation: Simulation, runs: [SimulationRun]) {
    self.simulation = simulation
    self.runs = runs
  }

  public var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Simulation: \(HTMLText.escaped(simulation.source.name))</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <h1>\(HTMLText.escaped(simulation.source.name)) on \(HTMLText.escaped(simulation.profile.gpu))</h1>
    <p>\(setting)</p>
    <p class="verdict">\(verdict)</p>
    \(SimulationReportTables.summary(runs))
    \(SimulationReportTables.classes(runs))
    <div class="charts">
    \(SimulationReportCharts(runs: runs).all.map { $0.svg() }.joined(separator: "\n"))
    </div>
    <p class="note">Times are virtual: the iteration time comes from the GPU profile, the scheduler is the sidecar's own
    core. A request is within its SLO when its time to first token and its mean time per output token are within its
    class's limits. The fluid bound is the rate at which every request could be served within the tightest time per
    output token if work were a fluid; no scheduler that serves everyone gets above it.</p>
    </body>
    </html>

    """
  }

  private var setting: String {
    let profile = simulation.profile
    let overhead = HTMLText.figures(Double(profile.time.overheadUs) / 1000)
    return HTMLText.escaped(
      "\(profile.modelID), profile \(profile.name), engine overhead \(overhead) ms per step, "
        + "\(simulation.demand.requests) requests at "
        + "\(HTMLText.figures(simulation.demand.ratePerS * simulation.rateScale))"
        + " per second, seed \(simulation.source.seed).")
  }

  /// The answer in one or two sentences.
  private var verdict: String {
    let ranked = runs.sorted { Self.merit($0) > Self.merit($1) }
    guard let best = ranked.first else { return "Nothing ran." }
    var text = "<b>\(HTMLText.escaped(best.scorecard.policy))</b> "
    if let sweep = best.sweep {
      text +=
        "holds \(HTMLText.percent(RateSweep.goodRatio)) of every class within its SLO up to "
        + "<b>\(HTMLText.figures(sweep.capacityRequestsPerS)) requests/s</b>"
    } else {
      text +=
        "serves \(HTMLText.percent(best.scorecard.withinSLORatio)) of the requests within their SLO, "
        + "<b>\(HTMLText.figures(best.scorecard.goodputRequestsPerS)) good requests/s</b>"
    }
    if ranked.count > 1 { text += comparison(best, ranked[1]) }
    return text + ". The fluid bound is \(HTMLText.figures(best.boundRequestsPerS)) requests/s: it reaches "
      + "\(HTMLText.percent(best.shareOfBound)) of it" + Self.offeredNote(best)
  }

  private static func offeredNote(_ run: SimulationRun) -> String {
    guard run.sweep == nil, run.offeredRequestsPerS < run.boundRequestsPerS else { return "." }
    return "; only \(HTMLText.percent(run.offeredRequestsPerS / run.boundRequestsPerS)) of it was asked for."
  }

  private func comparison(_ best: SimulationRun, _ next: SimulationRun) -> String {
    let merit = Self.merit(next)
    guard merit > 0 else { return ", ahead of \(HTMLText.escaped(next.scorecard.policy))" }
    let gain = Self.merit(best) / merit - 1
    return ", \(HTMLText.percent(gain)) more than \(HTMLText.escaped(next.scorecard.policy))"
  }

  private static func merit(_ run: SimulationRun) -> Double {
    run.sweep?.capacityRequestsPerS ?? run.scorecard.goodputRequestsPerS
  }

  private static let style = """
    :root{--bg:#fff;--fg:#1b1f24;--dim:#667;--line:#d8dce2;--c0:#0b62c4;--c1:#c4500b;--c2:#2c8a3d;--c3:#8a2c84;--c4:#8a7a00;\
    --c5:#0b8f8f}
    @media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e8eaed;--dim:#9aa3af;--line:#333a44;--c0:#6cb1ff;--c1:#ff9a5c;\
    --c2:#6fd383;--c3:#e08ad9;--c4:#d9c74a;--c5:#5ad6d6}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:1100px;padding:16px;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
    h1{font-size:1.4rem;margin:.2em 0}p{margin:.5em 0}.verdict{font-size:1.15rem}.note,figcaption{color:var(--dim)}
    .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.8em 0;font-variant-numeric:tabular-nums}
    th,td{padding:.3em .6em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
    th:first-child,td:first-child{text-align:left}th{color:var(--dim);font-weight:600}
    .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px}
    figure{margin:0}svg{width:100%;height:auto;display:block}text{fill:var(--dim);font-size:13px}
    .e{text-anchor:end}.m{text-anchor:middle}.y{fill:var(--fg)}.g{stroke:var(--line)}.b{stroke:var(--fg);stroke-dasharray:3 3}
    .s{fill:none;stroke-width:2;stroke-linejoin:round}.legend{margin:0;font-size:.85rem}.k{margin-right:1em}
    .k::before{content:"";display:inline-block;width:1.2em;height:.2em;margin-right:.4em;vertical-align:middle;\
    background:currentColor}
    .s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}
    .k0{color:var(--c0)}.k1{color:var(--c1)}.k2{color:var(--c2)}.k3{color:var(--c3)}.k4{color:var(--c4)}.k5{color:var(--c5)}
    """
}
