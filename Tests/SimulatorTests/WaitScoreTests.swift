import Policy
import Testing

@testable import SchedulerCore
@testable import Simulator

/// Estimates of waits against the waits that came of them.
struct WaitScoreTests {
  private func score(_ pairs: [(estimateUs: Int, boundUs: Int, waitUs: Int)]) -> WaitScore {
    var score = WaitScore()
    for pair in pairs {
      score.add(WaitEstimate(meanUs: Double(pair.estimateUs), boundUs: Double(pair.boundUs)), waitUs: pair.waitUs)
    }
    return score
  }

  /// Waits of 2, 4 and 6 s and one of 1 ms; errors of 10, 25 and 50 %, and one that does not count.
  @Test func shortWaitsCountInTheBoundOnly() {
    let score = score([
      (2_200_000, 2_500_000, 2_000_000), (3_000_000, 3_500_000, 4_000_000), (9_000_000, 9_000_000, 6_000_000),
      (500_000, 600_000, 1_000),
    ])
    #expect(score.requests == 4 && score.longWaits == 3)
    #expect(score.medianRelativeError == 0.25)
    #expect(score.withinBoundRatio == 0.75)
    #expect(score.longWithinBoundRatio.map { abs($0 - 2.0 / 3) < 1e-9 } == true)
  }

  /// Right every time explains all, the mean every time nothing, the opposite less than nothing.
  @Test func theExplainedShare() {
    #expect(score([(1_000_000, 1, 1_000_000), (3_000_000, 1, 3_000_000)]).explainedRatio == 1)
    #expect(score([(2_000_000, 1, 1_000_000), (2_000_000, 1, 3_000_000)]).explainedRatio == 0)
    #expect(score([(3_000_000, 1, 1_000_000), (1_000_000, 1, 3_000_000)]).explainedRatio == -3)
    #expect(score([]).explainedRatio == nil && score([]).medianRelativeError == nil)
  }

  @Test func twoInstancesAddUp() {
    var one = score([(2_200_000, 2_500_000, 2_000_000)])
    one.merge(score([(3_000_000, 3_500_000, 4_000_000)]))
    #expect(one.requests == 2 && one.longWaits == 2 && one.withinBoundRatio == 0.5)
  }

  /// A queue that first come, first served works off: most of the waits are foreseen when it begins.
  @Test func aLongQueueIsForeseen() throws {
    var options = EngineOptions()
    options.sequences = 8
    let policy = try #require(PolicyDocument.preset("vllm-v1")).config
    var engine = ReferenceEngine(
      profile: try #require(try GPUProfile.bundled(GPUProfile.defaultName)), options: options, mix: .standard,
      workload: GeneratedWorkload(requests: 400, ratePerS: 20, mix: .standard, seed: 3), link: CoreLink(policy: policy))
    let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.waits.longWaits > 200)
    #expect(card.waits.explainedRatio.map { $0 > 0.8 } == true, "\(card.waits.explainedRatio ?? -1)")
    #expect(card.waits.medianRelativeError.map { $0 < 0.25 } == true, "\(card.waits.medianRelativeError ?? -1)")
    #expect(card.json["queue_wait_estimate"]?["long_waits"]?.integerValue == card.waits.longWaits)
    let lines = ScorecardTable.text(card.json).split(separator: "\n")
    let line = try #require(lines.first { $0.contains("wait estimates") })
    #expect(line.count <= 80)
  }
}
