/// What is believed about the probability that a request's next draft is right, given that those before it were: a
/// weight for each of a few levels.
///
/// A draft of k of which m were right speaks for level a with a^m (1 - a), or a^k when all were. Without changes that
/// weighs the levels by a^accepted (1 - a)^rejected, whose maximum is the usual estimate
/// accepted / (accepted + rejected). But texts change. How they do is not known beforehand, so that three experts
/// follow them side by side, for texts that change often, seldom, and by and by (`FixedShare`).
struct AcceptanceBelief: Codable, Hashable, Sendable {
  typealias Weights = SIMD8<Double>

  static let levels = Weights(0.02, 0.15, 0.30, 0.45, 0.60, 0.75, 0.87, 0.96)

  /// Levels to the power of the index.
  static let powers: ContiguousArray<Weights> = {
    var powers: ContiguousArray<Weights> = [Weights(repeating: 1)]
    for _ in 0..<SpeculationLimit.digitsMax { powers.append(powers[powers.count - 1] * levels) }
    return powers
  }()

  private static let oftenChanges = Forgetting(changePerToken: 1.0 / 64, tokensMost: 511)
  private static let seldomChanges = Forgetting(changePerToken: 1.0 / 256, tokensMost: 2_047)

  private var often: QuantizedWeights
  private var seldom: QuantizedWeights
  private var drifting: DriftBelief

  /// - Parameter usual: what is expected of a request about which nothing is known.
  init(usual: Weights) {
    often = QuantizedWeights(usual)
    seldom = often
    drifting = DriftBelief(usual: usual)
  }

  /// What is believed `tokens` tokens later: each expert as far as it is trusted. Adds up to 1.
  func weights(after tokens: Int, usual: Weights, experts: FixedShare) -> Weights {
    experts.shares[0] * often.weights(after: tokens, Self.oftenChanges, usual: usual)
      + experts.shares[1] * seldom.weights(after: tokens, Self.seldomChanges, usual: usual)
      + experts.shares[2] * drifting.weights(after: tokens, usual: usual)
  }

  /// What the expert believes that forgets first and is the least sure: for learning something else from the same
  /// outcome, which a belief that is surer would explain away.
  func unsureWeights(after tokens: Int, usual: Weights) -> Weights {
    often.weights(after: tokens, Self.oftenChanges, usual: usual)
  }

  /// Learns from `accepted` right drafts, made `span` tokens after what was learned last.
  /// - Parameter likelihood: probability of the outcome by level.
  /// - Returns: how likely each expert thought the outcome.
  mutating func observe(
    _ likelihood: Weights, accepted: Int, after span: Int, usual: Weights
  ) -> FixedShare.Shares {
    FixedShare.Shares(
      often.observe(likelihood, tokens: accepted + 1, after: span, Self.oftenChanges, usual: usual),
      seldom.observe(likelihood, tokens: accepted + 1, after: span, Self.seldomChanges, usual: usual),
      drifting.observe(likelihood, tokens: accepted + 1, after: span, usual: usual))
  }

  /// Probability by level that of a chain of `drafted` drafts the first `accepted` are right and no more.
  static func likelihood(drafted: Int, accepted: Int) -> Weights {
    let right = powers[min(accepted, SpeculationLimit.digitsMax)]
    return accepted < drafted ? right * (1 - levels) : right
  }

  /// Probability that the next draft is right.
  static func mean(_ weights: Weights) -> Double { (weights * levels).sum() }
}
