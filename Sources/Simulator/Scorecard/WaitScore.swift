import SchedulerCore

/// How good the scheduler's waiting-time estimates were: of each request that its first plan left waiting, the estimate
/// made then against the wait that came of it.
public struct WaitScore: Sendable {
  /// Waits from which on an error in proportion means something, in microseconds.
  public static let longUs = 1_000_000

  private(set) var requests = 0
  /// Waits of `longUs` and more.
  private(set) var longWaits = 0
  private var withinBound = 0
  private var longWithinBound = 0
  /// Of long waits, in thousandths of the wait.
  private var relativeErrors = Histogram()
  private var waitUs = Histogram()
  private var estimateUs = Histogram()
  /// In seconds.
  private var squaredWaits = 0.0
  private var waits = 0.0
  private var squaredErrors = 0.0

  public init() {}

  mutating func add(_ estimate: WaitEstimate, waitUs us: Int) {
    let isWithin = us <= estimate.boundUs
    requests += 1
    withinBound += isWithin ? 1 : 0
    waitUs.add(us)
    estimateUs.add(estimate.meanUs)
    let wait = Double(us) / 1_000_000
    let error = Double(estimate.meanUs) / 1_000_000 - wait
    waits += wait
    squaredWaits += wait * wait
    squaredErrors += error * error
    guard us >= Self.longUs else { return }
    longWaits += 1
    longWithinBound += isWithin ? 1 : 0
    relativeErrors.add(abs(estimate.meanUs - us) * 1_000 / us)
  }

  mutating func merge(_ other: WaitScore) {
    requests += other.requests
    longWaits += other.longWaits
    withinBound += other.withinBound
    longWithinBound += other.longWithinBound
    relativeErrors.merge(other.relativeErrors)
    waitUs.merge(other.waitUs)
    estimateUs.merge(other.estimateUs)
    squaredWaits += other.squaredWaits
    waits += other.waits
    squaredErrors += other.squaredErrors
  }

  var meanWaitUs: Double { waitUs.mean }
  var meanEstimateUs: Double { estimateUs.mean }
  /// Share of the waits that stayed within the bound; nil without any.
  var withinBoundRatio: Double? { requests == 0 ? nil : Double(withinBound) / Double(requests) }
  var longWithinBoundRatio: Double? { longWaits == 0 ? nil : Double(longWithinBound) / Double(longWaits) }
  /// Median of the long waits' errors over the waits; nil without any.
  var medianRelativeError: Double? { longWaits == 0 ? nil : Double(relativeErrors.quantile(0.5)) / 1_000 }

  /// Share of the waits' variance that the estimates explain: 1 when all are right, below 0 when the mean of all waits
  /// would have been the better estimate. nil where the waits do not differ.
  var explainedRatio: Double? {
    guard requests > 0 else { return nil }
    let variance = squaredWaits - waits * waits / Double(requests)
    return variance > 0 ? 1 - squaredErrors / variance : nil
  }
}
