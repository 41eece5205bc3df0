/// Weights of levels that go back to what is usual with time, kept as whole numbers so that a copy is the same to the
/// last bit.
struct QuantizedWeights: Codable, Hashable, Sendable {
  typealias Weights = AcceptanceBelief.Weights

  private static let scale = 65_535.0
  private var stored: SIMD8<UInt16>

  init(_ weights: Weights) { stored = Self.quantized(weights) }

  /// Parts of 65,535, for weights of 0...1. One by one, since the conversion of whole vectors is many times slower.
  static func quantized(_ weights: Weights) -> SIMD8<UInt16> {
    let scaled = weights * scale + 0.5
    var quantized = SIMD8<UInt16>()
    for level in quantized.indices { quantized[level] = UInt16(scaled[level]) }
    return quantized
  }

  /// They add up to 1.
  var weights: Weights {
    let weights = Weights(stored)
    return weights / weights.sum()
  }

  func weights(after tokens: Int, _ forgetting: Forgetting, usual: Weights) -> Weights {
    let left = forgetting.left(after: tokens)
    return left * weights + (1 - left) * usual
  }

  /// Learns from an outcome of `tokens` tokens, made `span` tokens after the one before it.
  /// - Parameter likelihood: probability of the outcome by level.
  /// - Returns: how likely the outcome was thought to be.
  mutating func observe(
    _ likelihood: Weights, tokens: Int, after span: Int, _ forgetting: Forgetting, usual: Weights
  ) -> Double {
    let weights = weights(after: span, forgetting, usual: usual) * likelihood
    let sum = weights.sum()
    guard sum > 0 else { return 0 }
    let left = forgetting.left(after: tokens)
    self = QuantizedWeights(left * (weights / sum) + (1 - left) * usual)
    return sum
  }
}
