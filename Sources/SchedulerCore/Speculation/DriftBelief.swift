/// Acceptance that rises or falls by and by: a weight for each level on its way up and on its way down. With each token
/// it goes one level on, turns, or starts anew somewhere, each with a probability of its own; where there is no further
/// level it turns. So a request whose last drafts went worse and worse is expected to get worse still.
struct DriftBelief: Codable, Hashable, Sendable {
  typealias Weights = AcceptanceBelief.Weights

  private static let stepPerToken = 1.0 / 20
  private static let turnPerToken = 1.0 / 100
  private static let forgetting = Forgetting(changePerToken: 1.0 / 256, tokensMost: 2_047)
  /// Tokens over which a way is followed; after more of them hardly anything is left of it.
  private static let followedMost = 64

  private var rising: SIMD8<UInt16>
  private var falling: SIMD8<UInt16>

  init(usual: Weights) {
    rising = StoredWeights.whole(0.5 * usual)
    falling = rising
  }

  func weights(after tokens: Int, usual: Weights) -> Weights { way(after: tokens, usual: usual).weights }

  /// Learns from an outcome of `tokens` tokens, made `span` tokens after the one before it.
  /// - Parameter likelihood: probability of the outcome by level.
  /// - Returns: how likely the outcome was thought to be.
  mutating func observe(_ likelihood: Weights, tokens: Int, after span: Int, usual: Weights) -> Double {
    var way = way(after: span, usual: usual)
    way.rising *= likelihood
    way.falling *= likelihood
    let sum = way.weights.sum()
    guard sum > 0 else { return 0 }
    way.rising /= sum
    way.falling /= sum
    way = Self.moved(way, tokens, usual: usual)
    rising = StoredWeights.whole(way.rising)
    falling = StoredWeights.whole(way.falling)
    return sum
  }

  // MARK: -

  private struct Way {
    var rising: Weights
    var falling: Weights

    var weights: Weights { rising + falling }
  }

  private func way(after tokens: Int, usual: Weights) -> Way {
    let (up, down) = (Weights(rising), Weights(falling))
    let sum = up.sum() + down.sum()
    let way = Way(rising: up / sum, falling: down / sum)
    return tokens > 0 ? Self.moved(way, tokens, usual: usual) : way
  }

  private static func moved(_ way: Way, _ tokens: Int, usual: Weights) -> Way {
    var way = way
    for _ in 0..<min(max(0, tokens), followedMost) { move(&way) }
    let left = forgetting.left(after: tokens)
    way.rising = left * way.rising + (1 - left) / 2 * usual
    way.falling = left * way.falling + (1 - left) / 2 * usual
    return way
  }

  /// One token on.
  private static func move(_ way: inout Way) {
    let (rising, falling) = (way.rising, way.falling)
    let stays = 1 - stepPerToken - turnPerToken
    way.rising = stays * rising + turnPerToken * falling + stepPerToken * up(rising, turned: falling[0])
    way.falling = stays * falling + turnPerToken * rising + stepPerToken * down(falling, turned: rising[7])
  }

  private static func up(_ weights: Weights, turned: Double) -> Weights {
    Weights(turned, weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6])
  }

  private static func down(_ weights: Weights, turned: Double) -> Weights {
    Weights(weights[1], weights[2], weights[3], weights[4], weights[5], weights[6], weights[7], turned)
  }
}
