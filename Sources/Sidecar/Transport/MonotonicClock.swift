import Glibc

/// The rim's clock: CLOCK_MONOTONIC in microseconds.
enum MonotonicClock {
  static func nowUs() -> Int {
    var time = timespec()
    // Fails only for a clock that does not exist.
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
  }
}
