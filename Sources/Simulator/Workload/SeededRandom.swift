import Glibc

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): small, seeded, the same sequence everywhere.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in 0..<1, 53 bits.
  public mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

  /// Exponential with the given mean.
  public mutating func exponential(mean: Double) -> Double { -mean * log(1 - unit()) }

  /// Log-normal by its median and the standard deviation of the logarithm (Box-Muller).
  public mutating func logNormal(median: Double, sigma: Double) -> Double {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return median * exp(sigma * radius * cos(2 * Double.pi * unit()))
  }
}
