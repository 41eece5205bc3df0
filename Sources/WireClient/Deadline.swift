import Glibc

/// A moment on the monotonic clock by which something must have happened.
struct Deadline {
  private static let nanosecondsPerSecond: Int64 = 1_000_000_000
  private static let nanosecondsPerMillisecond: Int64 = 1_000_000
  private let endNs: Int64
  let budgetUs: Int

  /// - Parameter budgetUs: microseconds from now; negative counts as none left.
  init(inUs budgetUs: Int) {
    self.budgetUs = budgetUs
    let (span, overflow) = Int64(max(0, budgetUs)).multipliedReportingOverflow(by: 1000)
    let (end, passed) = Self.nowNs().addingReportingOverflow(overflow ? .max : span)
    endNs = passed ? .max : end
  }

  /// Whole milliseconds left, rounded up; zero when the moment has passed.
  var remainingMs: Int32 {
    let left = max(0, endNs - Self.nowNs())
    let (ms, rest) = left.quotientAndRemainder(dividingBy: Self.nanosecondsPerMillisecond)
    return Int32(clamping: ms + (rest > 0 ? 1 : 0))
  }

  private static func nowNs() -> Int64 {
    var now = timespec()
    // CLOCK_MONOTONIC always exists on Linux; the call cannot fail with a valid address.
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * nanosecondsPerSecond + Int64(now.tv_nsec)
  }
}
