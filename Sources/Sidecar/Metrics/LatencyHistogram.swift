/// Counts of durations in fixed buckets, without allocation.
struct LatencyHistogram: Sendable {
  /// Upper bounds in microseconds; the last bucket has none.
  enum Scale: Sendable {
    /// Of the sidecar's own work.
    case steps
    /// Of requests.
    case requests
    /// Between tokens.
    case tokens

    var boundsUs: [Int] {
      switch self {
      case .steps: [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 100_000]
      case .requests:
        [
          5_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
          60_000_000, 300_000_000,
        ]
      case .tokens:
        [5_000, 10_000, 15_000, 20_000, 25_000, 35_000, 50_000, 75_000, 100_000, 200_000, 500_000, 1_000_000]
      }
    }
  }

  let boundsUs: [Int]
  /// Not cumulative; one more than there are bounds.
  private(set) var counts: [Int]
  private(set) var sumUs = 0

  init(_ scale: Scale) {
    boundsUs = scale.boundsUs
    counts = [Int](repeating: 0, count: boundsUs.count + 1)
  }

  var count: Int { counts.reduce(0, &+) }

  /// The bound under which a share of the durations lies, in microseconds; nil without any, or beyond the last bound.
  func bound(ofShare share: Double) -> Int? {
    let wanted = (Double(count) * share).rounded(.up)
    var seen = 0
    for (index, count) in counts.enumerated() where wanted > 0 {
      seen &+= count
      if Double(seen) >= wanted { return index < boundsUs.count ? boundsUs[index] : nil }
    }
    return nil
  }

  mutating func observe(us: Int) {
    let us = max(0, us)
    var bucket = 0
    while bucket < boundsUs.count, us > boundsUs[bucket] { bucket += 1 }
    counts[bucket] &+= 1
    sumUs &+= us
  }

  /// - Parameter other: of the same scale.
  mutating func add(_ other: LatencyHistogram) {
    for bucket in counts.indices { counts[bucket] &+= other.counts[bucket] }
    sumUs &+= other.sumUs
  }
}
