import Testing

@testable import Simulator

struct FairnessTrackerTests {
  /// Serves tenants 0, 1, 2, ... so many input tokens in a second, then samples.
  private func second(
    _ tracker: inout FairnessTracker, _ number: Int, _ served: [Int], backlogged: Set<Int>
  ) -> Int {
    for (tenant, tokens) in served.enumerated() { tracker.add(tenant: tenant, input: tokens, output: 0) }
    return tracker.sample(Int64(number) * 1_000_000) { backlogged.contains($0) }
  }

  /// Both backlogged for three seconds, served 100 and 40, 100 and 40, then 0 and 200: the difference goes 60, 120,
  /// -80, so that the largest over any stretch is 200.
  @Test func theDifferenceIsOverAnyStretchInWhichBothAreBacklogged() {
    var tracker = FairnessTracker()
    let both: Set = [0, 1]
    #expect(second(&tracker, 1, [100, 40], backlogged: both) == 60)
    #expect(second(&tracker, 2, [100, 40], backlogged: both) == 120)
    #expect(second(&tracker, 3, [0, 200], backlogged: both) == 200)
    #expect(tracker.largestDifference == 200)
  }

  /// A second in which one of them was not backlogged ends the stretch and is compared with nobody.
  @Test func whoAsksForLessIsNotCompared() {
    var tracker = FairnessTracker()
    #expect(second(&tracker, 1, [5_000, 1], backlogged: [0]) == 0)
    #expect(second(&tracker, 2, [70, 60], backlogged: [0, 1]) == 10)
    #expect(second(&tracker, 3, [9_000, 0], backlogged: [0, 2]) == 0)
    #expect(second(&tracker, 4, [30, 60], backlogged: [0, 1]) == 30)
    #expect(tracker.largestDifference == 30)
  }

  @Test func outputTokensCountTwice() {
    var tracker = FairnessTracker()
    tracker.add(tenant: 0, input: 10, output: 5)
    tracker.add(tenant: 1, input: 10, output: 0)
    let difference = tracker.sample(1_000_000) { _ in true }
    #expect(difference == 10)
  }

  @Test func windowsCompareMostAndLeast() {
    var tracker = FairnessTracker()
    for number in 1...20 {
      // Tenant 2 is never backlogged; in the second window tenant 1 gets nothing.
      _ = second(&tracker, number, number <= 10 ? [300, 100, 1] : [300, 0, 1], backlogged: [0, 1])
    }
    #expect(tracker.windowRatios.count == 2)
    #expect(abs(tracker.windowRatios.quantile(0) - 3_000) <= 3)
    #expect(abs(tracker.windowRatios.quantile(1) - 1_000_000) < 1_000)
  }

  @Test func manyTenantsAreServedAndNotCompared() {
    var tracker = FairnessTracker()
    tracker.add(tenant: FairnessTracker.tenantsMax, input: 1_000_000, output: 0)
    tracker.add(tenant: 0, input: 1, output: 0)
    let difference = tracker.sample(1_000_000) { _ in true }
    #expect(difference == 0)
  }

  /// Two tenants flood an engine, one of them with four times as many requests: first come, first served lets the
  /// service drift apart.
  @Test func anEngineFeedsIt() throws {
    var requests: [WorkloadRequest] = []
    for index in 0..<400 {
      requests.append(
        WorkloadRequest(
          id: "r\(index)", arrivalUs: Int64(index) * 1_000, tenant: index % 5 == 0 ? "small" : "large", classIndex: 0,
          promptTokens: 800, outputTokens: 100))
    }
    var options = EngineOptions()
    options.sequences = 16
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    let contender = try #require(Contender.baseline("vllm-v1", time: profile.time, mix: .standard))
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: ListWorkload(requests),
      link: contender.link(time: profile.time))
    let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.fairness.windowRatios.count > 0)
    let ratio = Double(card.fairness.windowRatios.quantile(0.5)) / 1000
    #expect(abs(ratio - 4) < 1, "\(ratio)")
    #expect(card.fairness.largestDifference > 10_000)
  }
}
