/// What is believed about the probability that a request's next draft is right, given that those before it were: a
/// weight for each of a few levels.
///
/// A draft of k of which m were right speaks for level a with a^m (1 - a), or a^k when all were. Without changes that
/// weighs the levels by a^accepted (1 - a)^rejected, whose maximum is the usual estimate
/// accepted / (accepted + rejected). But texts change from easy to hard: with each token the weights move a little
/// towards what is usual for this engine.
struct AcceptanceBelief: Codable, Hashable, Sendable {
  typealias Weights = SIMD8<Double>

  static let levels = Weights(0.02, 0.15, 0.30, 0.45, 0.60, 0.75, 0.87, 0.96)
  /// With each output token the acceptance may have changed with this probability.
  static let changePerToken = 1.0 / 64
  private static let scale = 65_535.0
  /// Tokens after which nothing is left of what was known.
  private static let memoryMost = 511

  /// Levels to the power of the index.
  static let powers: ContiguousArray<Weights> = {
    var powers: ContiguousArray<Weights> = [Weights(repeating: 1)]
    for _ in 0..<SpeculationLimit.digitsMax { powers.append(powers[powers.count - 1] * levels) }
    return powers
  }()

  /// Share of what was known that is left after so many tokens.
  private static let memory: ContiguousArray<Double> = {
    var memory: ContiguousArray<Double> = [1]
    for _ in 0..<memoryMost { memory.append(memory[memory.count - 1] * (1 - changePerToken)) }
    return memory
  }()

  /// Whole numbers, so that a copy is the same to the last bit.
  private var stored: SIMD8<UInt16>

  init(_ weights: Weights) { stored = Self.rounded(weights) }

  /// They add up to 1.
  var weights: Weights {
    let weights = Weights(stored)
    return weights / weights.sum()
  }

  /// What is believed `tokens` tokens later.
  func weights(after tokens: Int, usual: Weights) -> Weights {
    let left = Self.memory[min(max(0, tokens), Self.memoryMost)]
    return left * weights + (1 - left) * usual
  }

  /// Learns from a chain of `drafted` drafts, `accepted` of them right, made `tokens` tokens after what was learned
  /// last.
  mutating func observe(drafted: Int, accepted: Int, after tokens: Int, usual: Weights) {
    var weights = weights(after: tokens, usual: usual) * Self.powers[min(accepted, SpeculationLimit.digitsMax)]
    if accepted < drafted { weights *= 1 - Self.levels }
    learn(weights, accepted: accepted, usual: usual)
  }

  /// Learns from `accepted` right drafts of a tree, whose probability by level is `likelihood`.
  mutating func observe(_ likelihood: Weights, accepted: Int, after tokens: Int, usual: Weights) {
    learn(weights(after: tokens, usual: usual) * likelihood, accepted: accepted, usual: usual)
  }

  private mutating func learn(_ weights: Weights, accepted: Int, usual: Weights) {
    let sum = weights.sum()
    guard sum > 0 else { return }
    let left = Self.memory[min(accepted + 1, Self.memoryMost)]
    stored = Self.rounded(left * (weights / sum) + (1 - left) * usual)
  }

  /// Probability that the next draft is right.
  static func mean(_ weights: Weights) -> Double { (weights * levels).sum() }

  private static func rounded(_ weights: Weights) -> SIMD8<UInt16> {
    SIMD8<UInt16>(weights * scale, rounding: .toNearestOrAwayFromZero)
  }
}
