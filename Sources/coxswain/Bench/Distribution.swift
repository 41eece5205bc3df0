/// Samples in nanoseconds, taken without allocating.
struct Distribution {
  private var samples: [Int] = []

  /// - Parameter capacity: samples that fit without allocating.
  init(capacity: Int) { samples.reserveCapacity(capacity) }

  mutating func add(_ nanoseconds: Int) { samples.append(nanoseconds) }

  mutating func removeAll() { samples.removeAll(keepingCapacity: true) }

  /// Nearest-rank percentiles in microseconds.
  mutating func quantiles() -> Quantiles {
    samples.sort()
    return Quantiles(p50: percentile(50), p99: percentile(99))
  }

  private func percentile(_ percent: Int) -> Double {
    guard !samples.isEmpty else { return 0 }
    let rank = (samples.count * percent + 99) / 100
    return Double(samples[max(0, rank - 1)]) / 1000
  }
}
