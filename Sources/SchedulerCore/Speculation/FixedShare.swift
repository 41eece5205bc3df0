/// How far each of the three experts is trusted that follow the acceptance of this engine's texts (`AcceptanceBelief`).
/// Whoever thought an outcome more likely is trusted more; a small share is spread anew with each outcome, so that
/// another can take over when texts change their nature (Herbster and Warmuth, "Tracking the best expert", 1998).
struct FixedShare: Codable, Hashable, Sendable {
  /// Texts that change often, seldom, by and by.
  typealias Shares = SIMD3<Double>

  private static let spread = 1.0 / 4_096
  private static let even = Shares(repeating: 1.0 / 3)

  /// They add up to 1.
  private(set) var shares = Self.even

  /// - Parameter likelihoods: how likely each expert thought an outcome.
  mutating func observe(_ likelihoods: Shares) {
    let weighed = shares * likelihoods
    let sum = weighed.sum()
    guard sum > 0 else { return }
    shares = (1 - Self.spread) * (weighed / sum) + Self.spread * Self.even
  }
}
