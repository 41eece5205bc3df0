import Testing

@testable import SchedulerCore

/// Time of a step of the drafter, learned from what iterations took.
struct DraftCostTests {
  private static func iteration(verifyUs: Double, off: Double, depth: Int, stepUs: Double) -> DraftedIteration {
    DraftedIteration(
      elapsedUs: off * verifyUs + Double(depth) * stepUs, verifyUs: verifyUs, plainUs: verifyUs - 100,
      decodeUs: verifyUs - 100, depth: depth, sequences: 1, accepted: 0)
  }

  /// Predictions that are a tenth off either way are not taken for the drafter.
  @Test(arguments: [0.9, 1.0, 1.1])
  func depthsTellTheDrafterFromTheModel(off: Double) {
    var cost = DraftCost(givenUs: nil)
    for round in 0..<100 {
      cost.observe(
        Self.iteration(verifyUs: 9_000 + Double(round % 3) * 50, off: off, depth: 1 + round * 7 % 11, stepUs: 500))
    }
    #expect(abs(cost.stepUs(plainUs: 9_000) - 500) < 20, "\(cost.stepUs(plainUs: 9_000))")
  }

  /// One depth tells nothing apart: 1.1 * 9,000 + 4 * 500 less 9,000 is 2,900 for four steps.
  @Test func withOneDepthThePredictionIsTakenToBeRight() {
    var cost = DraftCost(givenUs: nil)
    for _ in 0..<100 { cost.observe(Self.iteration(verifyUs: 9_000, off: 1.1, depth: 4, stepUs: 500)) }
    #expect(abs(cost.stepUs(plainUs: 9_000) - 725) < 1, "\(cost.stepUs(plainUs: 9_000))")
  }

  /// A batch of 256, where four steps are a fourteenth of the iteration: predictions 5 % too long and measurements that
  /// scatter by up to 3 % either way leave the step between 200 and 900 us, where 500 is right.
  @Test(arguments: [3, 4, 5] as [UInt64])
  func scatterIsSeenThrough(seed: UInt64) {
    var random = SplitMix64(seed)
    var cost = DraftCost(givenUs: nil)
    for round in 0..<2_000 {
      var iteration = Self.iteration(verifyUs: 27_000, off: 0.95, depth: 1 + round % 4, stepUs: 500)
      iteration.elapsedUs *= 0.97 + Double(random.below(60_001)) / 1_000_000
      cost.observe(iteration)
      if round >= 200 {
        let stepUs = cost.stepUs(plainUs: 27_000)
        #expect((200...900).contains(stepUs), "seed \(seed), round \(round): \(stepUs)")
      }
    }
  }

  @Test func onePlanIsEnoughToBeginWith() {
    var cost = DraftCost(givenUs: nil)
    #expect(cost.stepUs(plainUs: 16_000) == 1_000)
    cost.observe(Self.iteration(verifyUs: 9_000, off: 1, depth: 4, stepUs: 500))
    #expect(abs(cost.stepUs(plainUs: 16_000) - 500) < 1e-6)
    #expect(abs(cost.knownUs(depth: 3) - 1_500) < 1e-6)
  }

  /// A hiccup counts for two plain iterations a step at most, and no measurement makes the time negative.
  @Test func measurementsAreClipped() {
    var cost = DraftCost(givenUs: nil)
    cost.observe(Self.iteration(verifyUs: 1_000, off: 1, depth: 1, stepUs: 1_000_000))
    #expect(abs(cost.stepUs(plainUs: 900) - 1_800) < 1e-6)
    var quick = DraftCost(givenUs: nil)
    quick.observe(Self.iteration(verifyUs: 1_000, off: 0.5, depth: 1, stepUs: 0))
    #expect(quick.stepUs(plainUs: 900) == 0)
  }

  @Test func thePolicysFigureHolds() {
    var cost = DraftCost(givenUs: 300)
    cost.observe(Self.iteration(verifyUs: 9_000, off: 1, depth: 4, stepUs: 500))
    #expect(cost.stepUs(plainUs: 9_000) == 300)
    #expect(cost.with(givenUs: nil).stepUs(plainUs: 16_000) == 1_000)
  }
}
