/// The arrivals that a process draws, one after the other.
struct ArrivalClock {
  private let process: ArrivalProcess
  private var random: SeededRandom
  private var nowS = 0.0

  init(_ process: ArrivalProcess, seed: UInt64) {
    self.process = process
    // The classes are drawn from the seed itself: the two sequences must not run in step.
    random = SeededRandom(seed: seed ^ 0xA441_7A15_0000_0001)
  }

  /// Microseconds from the start to the next arrival.
  mutating func nextUs() -> Int64 {
    nowS += process.gapS(&random)
    return Int64(nowS * 1_000_000)
  }
}
