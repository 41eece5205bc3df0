/// How fast one line of waiting requests moves: the work that left it to be served, over the time in which somebody
/// stood in it. Time without a line says nothing about how fast one would move.
struct ServiceLine: Codable, Sendable {
  /// Time over which the rate is averaged, in microseconds.
  static let scaleUs = 30_000_000.0
  /// What is believed before anything was measured weighs as much as this time, and less the more was measured.
  private static let priorUs = 100_000.0
  /// The rate of each slice of so much time is compared with the mean.
  private static let sliceUs: Int64 = 5_000_000
  private static let spreadGain = 0.2
  private static let spreadStart = 0.2

  /// Requests in it.
  private(set) var waiting = 0
  /// What left it to be served since the last look.
  private var started = WorkSum()
  private var served = FadedWork(scaleUs: Self.scaleUs)
  private var slice = WorkSum()
  private var sliceSpanUs: Int64 = 0
  /// Mean square of a slice's rate over the mean rate, less one.
  private var squaredSpread = Self.spreadStart * Self.spreadStart

  mutating func join() { waiting += 1 }

  /// - Parameter work: what is served from now on; nil for a request that leaves for another reason.
  mutating func leave(served work: WorkSum?) {
    waiting -= 1
    if let work { started += work }
  }

  /// The same without anybody in it.
  func emptied() -> ServiceLine {
    var line = self
    line.waiting = 0
    line.started = WorkSum()
    return line
  }

  /// So much time went by, at whose end those that are here now still waited.
  mutating func settle(elapsedUs: Int64, _ costs: WorkCosts) {
    defer { started = WorkSum() }
    guard waiting > 0, elapsedUs > 0 else { return }
    served.add(started, elapsedUs: elapsedUs)
    slice += started
    sliceSpanUs += elapsedUs
    if sliceSpanUs >= Self.sliceUs { closeSlice(costs) }
  }

  private mutating func closeSlice(_ costs: WorkCosts) {
    let ratio = costs.us(slice) / Double(sliceSpanUs) / rate(costs) - 1
    squaredSpread += Self.spreadGain * (min(1, ratio * ratio) - squaredSpread)
    slice = WorkSum()
    sliceSpanUs = 0
  }

  /// Microseconds of GPU time that it is served per microsecond.
  func rate(_ costs: WorkCosts) -> Double {
    let priorUs = Self.priorUs * Self.priorUs / (Self.priorUs + served.spanUs)
    return (costs.us(served) + costs.startRate * priorUs) / (served.spanUs + priorUs)
  }

  /// Standard deviation of the rate over its mean.
  var spread: Double { squaredSpread.squareRoot() }
}
