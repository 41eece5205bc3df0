/// The few figures that say whether a look is worth more than itself: most find that nothing happened, and stop there.
struct Glance: Sendable {
  /// A change of memory counts from one part in so many of what it is counted from.
  static let memoryParts = 64
  /// Stalls count from this share of the time, in hundredths of a percent: a fifth of what makes a warning.
  static let stallCentipercent = MemoryPressureGauge.Thresholds().warnSomeCentipercent / 5

  var nowMs: Int
  /// Stall times of memory, all tasks' included in some's.
  var someTotalUs: Reading<Int>
  var memoryBytes: Reading<Int>
  var availableBytes: Reading<Int>
  /// Of the cgroups whose limits can bind, from the process's own upwards.
  var usageBytes: [Reading<Int>]
  /// The least of those limits.
  var leastLimitBytes: Int

  /// Whether what was concluded from the earlier one still holds. A figure that came or went is never calm.
  func isCalm(since earlier: Glance) -> Bool {
    let memoryStep = (memoryBytes.value ?? 0) / Self.memoryParts
    guard Self.isNear(availableBytes, earlier.availableBytes, step: memoryStep),
      usageBytes.count == earlier.usageBytes.count, someTotalUs.status == earlier.someTotalUs.status
    else { return false }
    for (now, then) in zip(usageBytes, earlier.usageBytes)
    where !Self.isNear(now, then, step: leastLimitBytes / Self.memoryParts) { return false }
    let stalledUs = (someTotalUs.value ?? 0) - (earlier.someTotalUs.value ?? 0)
    return stalledUs >= 0 && stalledUs * 10 <= (nowMs - earlier.nowMs) * Self.stallCentipercent
  }

  private static func isNear(_ a: Reading<Int>, _ b: Reading<Int>, step: Int) -> Bool {
    guard a.status == b.status else { return false }
    guard let a = a.value, let b = b.value else { return true }
    return abs(a - b) <= step
  }
}
