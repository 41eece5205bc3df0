/// The plots of the report's page.
struct SimulationReportCharts {
  let runs: [SimulationRun]

  /// Points of a distribution's curve.
  private static let curvePoints = 200
  /// Buckets of a plot over time.
  private static let timeBuckets = 128

  /// What a reader looks at first.
  var capacity: [SVGChart] {
    guard runs.contains(where: { $0.sweep != nil }) else { return [] }
    return [
      againstRate("Goodput against rate", "good requests/s", withOffered: true) { $0.goodputRequestsPerS },
      againstRate("Worst class within SLO, against rate", "% of its requests", yMax: 100) { 100 * $0.worstClassRatio },
    ]
  }

  var latency: [SVGChart] {
    [
      distribution("Time to first token", \.all.ttftUs), distribution("Mean time per output token", \.all.tpotUs),
      distribution("Gaps between tokens", \.gaps.all),
    ]
  }

  var overTime: [SVGChart] {
    runs.map(composition) + [
      overTime("Requests that wait", "requests") { $0.meanWaiting },
      overTime("Requests that run", "requests") { $0.meanRunning },
      overTime("KV occupancy", "% of the blocks") { 100 * $0.meanOccupancy },
    ]
  }

  /// nil when no two tenants ever had requests waiting at once.
  var fairness: SVGChart? {
    guard runs.contains(where: { $0.timeline.buckets.contains { $0.serviceDifference > 0 } }) else { return nil }
    return overTime("Difference of service between waiting tenants", "weighted tokens") { Double($0.serviceDifference) }
  }

  private func againstRate(
    _ title: String, _ yTitle: String, yMax: Double? = nil, withOffered: Bool = false,
    _ value: (RateSweep.Point) -> Double
  ) -> SVGChart {
    var series = runs.enumerated().compactMap { index, run in
      run.sweep.map { sweep in
        SVGChart.Series(
          name: run.scorecard.policy, points: sweep.sortedPoints.map { ($0.requestsPerS, value($0)) }, colour: index)
      }
    }
    let highest = series.flatMap { $0.points.map(\.x) }.max() ?? 0
    if withOffered {
      series.append(
        SVGChart.Series(
          name: "all that is offered", points: [(0, 0), (highest, highest)], colour: HTMLText.dimColour,
          isDashed: true))
    }
    return SVGChart(
      title: title, xTitle: "requests/s offered", yTitle: yTitle, series: series,
      mark: (runs[0].boundRequestsPerS, "fluid bound"), yMax: yMax)
  }

  private func distribution(_ title: String, _ us: (Scorecard) -> Histogram) -> SVGChart {
    let series = runs.enumerated().map { index, run in
      let values = us(run.scorecard).quantiles(steps: Self.curvePoints)
      let points = values.enumerated().map { rank, us in
        (x: max(0.1, Double(us) / 1000), y: 100 * Double(rank) / Double(Self.curvePoints))
      }
      return SVGChart.Series(name: run.scorecard.policy, points: points, colour: index)
    }
    return SVGChart(
      title: title, xTitle: "ms, logarithmic", yTitle: "% at most", series: series, isLogX: true, yMax: 100)
  }

  /// What the iterations of one run are made of.
  private func composition(_ run: SimulationRun) -> SVGChart {
    let timeline = run.timeline.coarsened(to: Self.timeBuckets)
    let xs = places(timeline)
    let decodes = timeline.buckets.map { Self.mean($0.decodes, $0.iterations) }
    let all = timeline.buckets.map { Self.mean($0.decodes + $0.prefillTokens, $0.iterations) }
    return SVGChart(
      title: "Batch of \(run.scorecard.policy)", xTitle: "seconds", yTitle: "tokens per iteration",
      series: [
        .init(name: "decode", points: Array(zip(xs, decodes)), colour: 0, base: decodes.map { _ in 0 }),
        .init(name: "prefill", points: Array(zip(xs, all)), colour: 1, base: decodes),
      ])
  }

  private static func mean(_ sum: Int, _ count: Int) -> Double { Double(sum) / Double(max(1, count)) }

  private func places(_ timeline: Timeline) -> [Double] {
    timeline.buckets.indices.map { (Double($0) + 0.5) * Double(timeline.bucketUs) / 1_000_000 }
  }

  private func overTime(
    _ title: String, _ yTitle: String, _ value: (Timeline.Bucket) -> Double
  ) -> SVGChart {
    let series = runs.enumerated().map { index, run in
      let timeline = run.timeline.coarsened(to: Self.timeBuckets)
      return SVGChart.Series(
        name: run.scorecard.policy, points: Array(zip(places(timeline), timeline.buckets.map(value))), colour: index)
    }
    return SVGChart(title: title, xTitle: "seconds", yTitle: yTitle, series: series)
  }
}
