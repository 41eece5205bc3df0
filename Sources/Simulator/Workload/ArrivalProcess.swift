import Glibc

/// A renewal process: the gaps between arrivals are independent and follow one distribution.
public struct ArrivalProcess: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Exponential gaps; their coefficient of variation is 1.
    case poisson
    /// As BurstGPT and ServeGen fit to most clients.
    case gamma
    case weibull
  }

  /// Coefficients of variation that can be asked for.
  public static let variationRange = 0.05...20.0

  public let kind: Kind
  /// Mean arrivals per second.
  public let ratePerS: Double
  /// Standard deviation of the gaps over their mean.
  public let variation: Double
  /// Of the gap's distribution; both are unused for Poisson.
  let shape: Double
  let scaleS: Double

  /// - Parameter variation: coefficient of variation of the gaps, within `variationRange`; Poisson's is always 1.
  public init(_ kind: Kind, ratePerS: Double, variation: Double = 1) {
    self.kind = kind
    self.ratePerS = ratePerS
    self.variation = kind == .poisson ? 1 : variation
    switch kind {
    case .poisson:
      shape = 1
      scaleS = 1 / ratePerS
    case .gamma:
      shape = 1 / (variation * variation)
      scaleS = variation * variation / ratePerS
    case .weibull:
      shape = Self.weibullShape(variation: variation)
      scaleS = 1 / (ratePerS * exp(lgamma(1 + 1 / shape)))
    }
  }

  /// Solves variation^2 + 1 = G(1 + 2/k) / G(1 + 1/k)^2 for k by bisection: the right side falls as k grows.
  static func weibullShape(variation: Double) -> Double {
    let target = log(1 + variation * variation)
    var low = 0.05
    var high = 100.0
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if lgamma(1 + 2 / middle) - 2 * lgamma(1 + 1 / middle) > target { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// Draws one gap in seconds.
  func gapS(_ random: inout SeededRandom) -> Double {
    switch kind {
    case .poisson: random.exponential(mean: scaleS)
    case .gamma: random.gamma(shape: shape) * scaleS
    case .weibull: pow(-log(1 - random.unit()), 1 / shape) * scaleS
    }
  }
}
