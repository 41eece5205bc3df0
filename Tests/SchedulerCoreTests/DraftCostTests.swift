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
