/// Median and tail of one figure.
struct Quantiles {
  var p50: Double
  var p99: Double

  /// The lower of each: of several rounds, the one that the machine disturbed least.
  func least(_ other: Quantiles) -> Quantiles { Quantiles(p50: min(p50, other.p50), p99: min(p99, other.p99)) }

  static func - (left: Quantiles, right: Quantiles) -> Quantiles {
    Quantiles(p50: left.p50 - right.p50, p99: left.p99 - right.p99)
  }

  static func / (left: Quantiles, right: Quantiles) -> Quantiles {
    Quantiles(p50: right.p50 > 0 ? left.p50 / right.p50 : 0, p99: right.p99 > 0 ? left.p99 / right.p99 : 0)
  }
}
