import Testing

@testable import Simulator

struct SimulationReportTests {
  private func simulation() throws -> Simulation {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var source = WorkloadSource(.generated(requests: 24, ratePerS: 20), mix: .standard, seed: 3)
    source.arrivals = ArrivalProcess(.gamma, ratePerS: 20, variation: 2)
    var simulation = try Simulation(profile: profile, options: EngineOptions(), source: source, rateScale: 1)
    simulation.pricePerHour = 3
    return simulation
  }

  private func run(_ simulation: Simulation, _ name: String, withSweep: Bool) throws -> SimulationRun {
    let contender = try #require(Contender.baseline(name, time: simulation.profile.time, mix: .standard))
    var run = try simulation.run(contender, clock: { 0 }, onProgress: { _ in true })
    if withSweep {
      run.sweep = try simulation.sweepRate(contender, withCurve: true, clock: { 0 }, onProgress: { _, _ in true })
    }
    return run
  }

  @Test func thePageAnswersAndNeedsNothingElse() throws {
    let simulation = try simulation()
    let runs = [
      try run(simulation, "vllm-v1", withSweep: true), try run(simulation, "sarathi", withSweep: true),
    ]
    let html = SimulationReport(simulation: simulation, runs: runs).html
    for words in [
      "requests/s</b>", "of the fluid bound", "Goodput against rate", "fluid bound</text>", "Time to first token",
      "Gaps between tokens", "Batch of vllm-v1", "Batch of sarathi", "Requests that wait", "KV occupancy",
      "Fairness over time", "$ per million tokens", "name=\"viewport\"",
    ] { #expect(html.contains(words), "\(words)") }
    for foreign in ["http:", "https:", "<script", "url(", "@import", "<link", "<img", "NaN", "nan,", "inf,"] {
      #expect(!html.contains(foreign), "\(foreign)")
    }
    for tag in ["svg", "figure", "table", "div", "p", "tr"] {
      let opened = html.count(of: "<\(tag) ") + html.count(of: "<\(tag)>")
      #expect(opened == html.count(of: "</\(tag)>"), "\(tag)")
    }
  }

  @Test func withoutASweepItComparesGoodput() throws {
    let simulation = try simulation()
    let html = SimulationReport(simulation: simulation, runs: [try run(simulation, "vllm-v1", withSweep: false)]).html
    #expect(html.contains("good requests/s</b>"))
    #expect(!html.contains("Goodput against rate"))
  }

  @Test func theCurveReachesBeyondTheBound() throws {
    let simulation = try simulation()
    let sweep = try #require(try run(simulation, "vllm-v1", withSweep: true).sweep)
    #expect(sweep.points.count == RateSweep.runs)
    #expect(sweep.curve.count == RateSweep.curveShares.count)
    #expect(sweep.isComplete)
    let last = try #require(sweep.sortedPoints.last)
    #expect(last.requestsPerS >= simulation.boundRequestsPerS * 1.19)
    // Points of the curve are no part of the search.
    #expect(sweep.points.contains { $0.requestsPerS == sweep.capacityRequestsPerS } || sweep.capacityRequestsPerS == 0)
  }

  @Test(arguments: [
    (10.0, 90.0, [10.0, 20, 50]), (0.9, 12, [1, 2, 5, 10]), (1, 9_000, [1, 3, 10, 30, 100, 300, 1_000, 3_000]),
    (0.5, 2_000_000, [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]),
  ])
  func logTicks(low: Double, high: Double, expected: [Double]) {
    let ticks = HTMLText.logTicks(from: low, to: high, most: 8)
    #expect(ticks.count == expected.count)
    #expect(zip(ticks, expected).allSatisfy { abs($0 / $1 - 1) < 1e-9 }, "\(ticks)")
  }

  @Test func namesAreEscaped() {
    #expect(HTMLText.escaped("<a href=\"x\">&") == "&lt;a href=&quot;x&quot;&gt;&amp;")
  }
}

extension String {
  fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
