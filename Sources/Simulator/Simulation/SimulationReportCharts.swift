/// The plots of the report's page.
struct SimulationReportCharts {
  let runs: [SimulationRun]

  /// Points of a distribution's curve.
  private static let curvePoints = 200

  var all: [SVGChart] {
    var charts: [SVGChart] = []
    if runs.contains(where: { $0.sweep != nil }) {
      charts.append(againstRate("Goodput against rate", "good requests/s") { $0.goodputRequestsPerS })
      charts.append(
        againstRate("Share within SLO of the worst class, against rate", "%", yMax: 100) { 100 * $0.worstClassRatio })
    }
    charts.append(distribution("Time to first token", \.all.ttftUs))
    charts.append(distribution("Mean time per output token", \.all.tpotUs))
    charts.append(overTime("Running requests", "requests") { $0.meanRunning })
    charts.append(overTime("Waiting requests", "requests") { $0.meanWaiting })
    charts.append(overTime("KV occupancy", "%", yMax: 100) { 100 * $0.meanOccupancy })
    charts.append(overTime("Prefill tokens per iteration", "tokens") { Self.mean($0.prefillTokens, $0.iterations) })
    charts.append(overTime("Decodes per iteration", "sequences") { Self.mean($0.decodes, $0.iterations) })
    return charts
  }

  private static func mean(_ sum: Int, _ count: Int) -> Double { Double(sum) / Double(max(1, count)) }

  private func againstRate(
    _ title: String, _ yTitle: String, yMax: Double? = nil, _ value: (RateSweep.Point) -> Double
  ) -> SVGChart {
    let series = runs.enumerated().compactMap { index, run in
      run.sweep.map { sweep in
        SVGChart.Series(
          name: run.scorecard.policy, points: sweep.sortedPoints.map { ($0.requestsPerS, value($0)) }, colour: index)
      }
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
      title: title, xTitle: "ms, logarithmic", yTitle: "% of requests at most", series: series, isLogX: true, yMax: 100)
  }

  private func overTime(
    _ title: String, _ yTitle: String, yMax: Double? = nil, _ value: (Timeline.Bucket) -> Double
  ) -> SVGChart {
    let series = runs.enumerated().map { index, run in
      let points = run.timeline.buckets.enumerated().map { bucket, sums in
        (x: (Double(bucket) + 0.5) * Double(run.timeline.bucketUs) / 1_000_000, y: value(sums))
      }
      return SVGChart.Series(name: run.scorecard.policy, points: points, colour: index)
    }
    return SVGChart(title: title, xTitle: "seconds", yTitle: yTitle, series: series, yMax: yMax)
  }
}
