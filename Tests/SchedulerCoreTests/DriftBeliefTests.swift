import Testing

@testable import SchedulerCore

/// Acceptance that rises or falls by and by.
struct DriftBeliefTests {
  private typealias Weights = AcceptanceBelief.Weights
  private static let even = Weights(repeating: 1.0 / 8)

  /// Right drafts of 4 that went from bad to better, or the other way round, with the same sum.
  private static func belief(_ accepted: [Int]) -> DriftBelief {
    var belief = DriftBelief(usual: even)
    for right in accepted {
      _ = belief.observe(
        AcceptanceBelief.likelihood(drafted: 4, accepted: right), tokens: right + 1, after: 0, usual: even)
    }
    return belief
  }

  private static func mean(_ belief: DriftBelief, after tokens: Int) -> Double {
    AcceptanceBelief.mean(belief.weights(after: tokens, usual: even))
  }

  @Test func whatRisesIsExpectedToRise() {
    let rising = Self.belief([0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
    #expect(Self.mean(rising, after: 12) > Self.mean(rising, after: 0))
    let falling = Self.belief([4, 4, 4, 3, 3, 3, 2, 2, 2])
    #expect(Self.mean(falling, after: 12) < Self.mean(falling, after: 0))
  }

  /// Long after, nothing but what is usual is left.
  @Test func itIsForgotten() {
    let weights = Self.belief([4, 4, 4, 4, 4, 4]).weights(after: 4_000, usual: Self.even)
    for level in weights.indices { #expect(abs(weights[level] - 1.0 / 8) < 0.001) }
  }

  @Test(arguments: [0, 1, 7, 64, 1_000])
  func weightsAddUpToOne(tokens: Int) {
    #expect(abs(Self.belief([1, 4, 0, 2]).weights(after: tokens, usual: Self.even).sum() - 1) < 1e-9)
  }

  /// By hand: all rise at level .60. One token later 1/20 is at .75, and the rest is there still; 1/256 starts anew.
  @Test func oneTokenByHand() {
    var usual = Weights(repeating: 0)
    usual[4] = 1
    let weights = DriftBelief(usual: usual).weights(after: 1, usual: Self.even)
    let kept = 255.0 / 256
    // Half of them rise and half fall: as many go up as down.
    #expect(abs(weights[5] - (kept * 0.025 + 1.0 / 2_048)) < 1e-4)
    #expect(abs(weights[3] - (kept * 0.025 + 1.0 / 2_048)) < 1e-4)
    #expect(abs(weights[4] - (kept * 0.95 + 1.0 / 2_048)) < 1e-4)
  }
}
