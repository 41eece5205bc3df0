import Glibc

/// Time that never steps back, for rates and durations.
enum MonotonicClock {
  static func nowNs() -> Int {
    var now = timespec()
    // Cannot fail: the clock exists on every Linux and the address is valid.
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec
  }

  static func nowUs() -> Int { nowNs() / 1000 }
}
