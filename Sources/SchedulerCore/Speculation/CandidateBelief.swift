/// What is believed about the candidates beside the first of a level: a weight for each of a few levels of f.
///
/// Where the first candidate is right with probability a, the r-th is, those before it being wrong, with a * f^(r-1).
/// What an iteration says about f is only where the path of right drafts ended, and a is not known either: both are
/// believed apart from each other, and each outcome is weighed over what is believed of the other.
struct CandidateBelief: Codable, Hashable, Sendable {
  typealias Weights = SIMD4<Double>

  static let levels = Weights(0.10, 0.30, 0.50, 0.75)
  /// With each output token f may have changed with this probability: it is more of a text's nature than a is, and
  /// less is heard of it.
  private static let forgetting = Forgetting(changePerToken: 1.0 / 512, tokensMost: 2_047)
  private static let scale = 65_535.0

  /// For each level of f and each number of candidates, from 1 on: the probability that one of them is right, by level
  /// of a.
  private static let hits: ContiguousArray<ContiguousArray<AcceptanceBelief.Weights>> = {
    ContiguousArray(
      levels.indices.map { index in
        var right = AcceptanceBelief.levels
        var missed = AcceptanceBelief.Weights(repeating: 1)
        return ContiguousArray(
          (1...DraftShape.widthMax).map { _ in
            missed *= 1 - right
            right *= levels[index]
            return 1 - missed
          })
      })
  }()

  /// Whole numbers, so that a copy is the same to the last bit.
  private var stored: SIMD4<UInt16>

  init(_ weights: Weights) { stored = Self.rounded(weights) }

  /// They add up to 1.
  var weights: Weights {
    let weights = Weights(stored)
    return weights / weights.sum()
  }

  /// What is believed `tokens` tokens later.
  func weights(after tokens: Int, usual: Weights) -> Weights {
    let left = Self.forgetting.left(after: tokens)
    return left * weights + (1 - left) * usual
  }

  /// Probability that one of `width` candidates is right, by level of a.
  static func hit(_ weights: Weights, width: Int) -> AcceptanceBelief.Weights {
    var hit = AcceptanceBelief.Weights(repeating: 0)
    for index in levels.indices { hit += weights[index] * hits[index][width - 1] }
    return hit
  }

  /// Learns from a path of `accepted` right drafts in a tree, and says what it says about a: the probability of this
  /// outcome by level of a.
  /// - Parameters:
  ///   - tokens: made since something was learned last.
  ///   - acceptance: what was believed of a before.
  mutating func observe(
    _ outcome: DraftOutcome, after tokens: Int, acceptance: AcceptanceBelief.Weights, usual: Weights
  ) -> AcceptanceBelief.Weights {
    let prior = weights(after: tokens, usual: usual)
    let left = Self.forgetting.left(after: outcome.accepted + 1)
    let depth = outcome.shape.depth(drafts: outcome.drafted)
    var likelihood = AcceptanceBelief.Weights(repeating: 0)
    var weights = prior
    for index in Self.levels.indices {
      var chance = AcceptanceBelief.Weights(repeating: 1)
      for level in 0..<outcome.accepted { chance *= Self.hits[index][outcome.shape.width(level + 1) - 1] }
      if outcome.accepted < depth { chance *= 1 - Self.hits[index][outcome.shape.width(outcome.accepted + 1) - 1] }
      likelihood += prior[index] * chance
      weights[index] *= (acceptance * chance).sum()
    }
    let sum = weights.sum()
    if sum > 0 { stored = Self.rounded(left * (weights / sum) + (1 - left) * usual) }
    return likelihood
  }

  private static func rounded(_ weights: Weights) -> SIMD4<UInt16> {
    SIMD4<UInt16>(weights * scale, rounding: .toNearestOrAwayFromZero)
  }
}
