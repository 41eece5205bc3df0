import Glibc
import HardwareProbes

/// What watching the machine costs: a look in this process, and a run of the helper.
enum ProbeBench {
  /// Looks come at this pace, so that caches are as cold as in a sidecar.
  private static let lookIntervalUs: UInt32 = 100_000
  private static let looksPerSecond = 1_000_000 / Int(lookIntervalUs)
  /// Two seconds, so that the looks at everything have their share.
  private static let looksPerRound = 20
  private static let runsPerRound = 5

  /// What looking ten times a second costs.
  struct LookCost {
    /// Processor time of one look, user and system, in microseconds.
    var look: Quantiles
    /// Share of a core that all looks together took, in percent.
    var corePercent: Double
  }

  static func look(rounds: Int) -> LookCost {
    let look = MachineLook()
    let count = rounds * looksPerRound
    var times = Distribution(capacity: count)
    var totalNs = 0
    for _ in 0..<count {
      usleep(lookIntervalUs)
      let start = threadTimeNs()
      look.take()
      let spent = threadTimeNs() - start
      totalNs += spent
      times.add(spent)
    }
    return LookCost(
      look: times.quantiles(), corePercent: Double(totalNs * looksPerSecond) / Double(count) / 1e9 * 100)
  }

  /// From the start of the helper to its document as values, in milliseconds; nil where it cannot be run.
  static func oneShot(rounds: Int) -> Quantiles? {
    var times = Distribution(capacity: rounds * runsPerRound)
    for _ in 0..<rounds * runsPerRound {
      let start = MonotonicClock.nowUs()
      guard (try? TopologyDocument.ofThisMachine()) != nil else { return nil }
      // Microseconds taken for nanoseconds: the distribution divides by a thousand.
      times.add(MonotonicClock.nowUs() - start)
    }
    return times.quantiles()
  }

  private static func threadTimeNs() -> Int {
    var time = timespec()
    // Cannot fail: the clock exists on every Linux and the pointer is valid.
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
  }
}
