/// Acceptance that rises or falls by and by: a weight for each level on its way up and on its way down. With each token
/// it goes one level on, turns, or starts anew somewhere, each with a probability of its own; where there is no further
/// level it turns. So a request whose last drafts went worse and worse is expected to get worse still.
struct DriftBelief: Codable, Hashable, Sendable {
  typealias Weights = AcceptanceBelief.Weights

  private static let stepPerToken = 1.0 / 20
  private static let turnPerToken = 1.0 / 100
  private static let forgetting = Forgetting(changePerToken: 1.0 / 256, tokensMost: 2_047)
  /// Tokens over which a trend is followed; after more of them hardly anything is left of it.
  private static let followedMost = 64

  private var rising: SIMD8<UInt16>
  private var falling: SIMD8<UInt16>

  init(usual: Weights) {
    rising = QuantizedWeights.quantized(0.5 * usual)
    falling = rising
  }

  func weights(after tokens: Int, usual: Weights) -> Weights { trend(after: tokens, usual: usual).weights }

  /// Learns from an outcome of `tokens` tokens, made `span` tokens after the one before it.
  /// - Parameter likelihood: probability of the outcome by level.
  /// - Returns: how likely the outcome was thought to be.
  mutating func observe(_ likelihood: Weights, tokens: Int, after span: Int, usual: Weights) -> Double {
    var trend = trend(after: span, usual: usual)
    trend.rising *= likelihood
    trend.falling *= likelihood
    let sum = trend.weights.sum()
    guard sum > 0 else { return 0 }
    trend.rising /= sum
    trend.falling /= sum
    trend = Self.moved(trend, tokens, usual: usual)
    rising = QuantizedWeights.quantized(trend.rising)
    falling = QuantizedWeights.quantized(trend.falling)
    return sum
  }

  // MARK: -

  private struct Trend {
    var rising: Weights
    var falling: Weights

    var weights: Weights { rising + falling }
  }

  private func trend(after tokens: Int, usual: Weights) -> Trend {
    let (up, down) = (Weights(rising), Weights(falling))
    let sum = up.sum() + down.sum()
    let trend = Trend(rising: up / sum, falling: down / sum)
    return tokens > 0 ? Self.moved(trend, tokens, usual: usual) : trend
  }

  private static func moved(_ trend: Trend, _ tokens: Int, usual: Weights) -> Trend {
    let left = forgetting.left(after: tokens)
    let anew = (1 - left) / 2 * usual
    var moved = Trend(rising: anew, falling: anew)
    let first = min(max(0, tokens), followedMost) * 2 * Weights.scalarCount
    for level in trend.rising.indices {
      let (up, down) = (paths[first + level], paths[first + Weights.scalarCount + level])
      let (rising, falling) = (left * trend.rising[level], left * trend.falling[level])
      moved.rising += rising * up.rising + falling * down.rising
      moved.falling += rising * up.falling + falling * down.falling
    }
    return moved
  }

  /// Where so many tokens lead from each level on its way up and each on its way down: a request of which nothing was
  /// heard for long costs no more than another.
  private static let paths: ContiguousArray<Trend> = {
    let none = Weights(repeating: 0)
    var latest = ContiguousArray(repeating: Trend(rising: none, falling: none), count: 2 * Weights.scalarCount)
    for level in none.indices {
      latest[level].rising[level] = 1
      latest[Weights.scalarCount + level].falling[level] = 1
    }
    var paths = latest
    for _ in 0..<followedMost {
      for start in latest.indices { move(&latest[start]) }
      paths += latest
    }
    return paths
  }()

  /// One token on.
  private static func move(_ trend: inout Trend) {
    let (rising, falling) = (trend.rising, trend.falling)
    let stays = 1 - stepPerToken - turnPerToken
    trend.rising = stays * rising + turnPerToken * falling + stepPerToken * up(rising, turned: falling[0])
    trend.falling = stays * falling + turnPerToken * rising + stepPerToken * down(falling, turned: rising[7])
  }

  private static func up(_ weights: Weights, turned: Double) -> Weights {
    Weights(turned, weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6])
  }

  private static func down(_ weights: Weights, turned: Double) -> Weights {
    Weights(weights[1], weights[2], weights[3], weights[4], weights[5], weights[6], weights[7], turned)
  }
}
