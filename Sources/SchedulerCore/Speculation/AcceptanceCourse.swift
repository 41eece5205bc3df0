/// Which way the acceptance of this engine's texts takes: how far each of the three that a belief follows is trusted.
/// Whoever thought an outcome more likely is trusted more; a small share is spread anew with each outcome, so that
/// another way can take over when texts change their nature (fixed share, Herbster and Warmuth, "Tracking the best
/// expert", 1998).
struct AcceptanceCourse: Codable, Hashable, Sendable {
  /// Often, seldom, drifting; the last is none.
  typealias Shares = SIMD4<Double>

  private static let spread = 1.0 / 4_096
  private static let even = Shares(1.0 / 3, 1.0 / 3, 1.0 / 3, 0)

  /// They add up to 1.
  private(set) var shares = Self.even

  /// - Parameter likelihoods: how likely each way thought an outcome.
  mutating func observe(_ likelihoods: Shares) {
    let weighed = shares * likelihoods
    let sum = weighed.sum()
    guard sum > 0 else { return }
    shares = (1 - Self.spread) * (weighed / sum) + Self.spread * Self.even
  }
}
