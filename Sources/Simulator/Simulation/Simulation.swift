import SchedulerCore

/// One replica under one workload, again for each contender: the reference engine around the sidecar's own core, in
/// process and in virtual time.
public struct Simulation: Sendable {
  public let profile: GPUProfile
  public let options: EngineOptions
  public let source: WorkloadSource
  public let rateScale: Double
  public let demand: WorkloadDemand
  /// Fluid bound at the tightest TPOT of the mix.
  public let boundRequestsPerS: Double

  /// Counts the workload's demand: one pass over it.
  public init(
    profile: GPUProfile, options: EngineOptions, source: WorkloadSource, rateScale: Double
  ) throws(WorkloadError) {
    var profile = profile
    if let overheadUs = options.overheadUs { profile.time.overheadUs = overheadUs }
    self.profile = profile
    self.options = options
    self.source = source
    self.rateScale = rateScale
    demand = try WorkloadDemand(
      try source.open(rateScale: 1), classes: source.mix.entries.count, prefixCaching: options.prefixCaching)
    let bound = FluidBound(
      demand: demand, time: profile.time, kvCapacityTokens: options.kvCapacityTokens ?? profile.kvCapacityTokens)
    boundRequestsPerS = bound.requestsPerS(tpotMs: Double(source.mix.tightestTPOTMs))
  }

  /// Runs the workload once under a contender.
  /// - Parameters:
  ///   - clock: real monotonic nanoseconds, for progress and for the scheduler's time per step.
  ///   - onProgress: returning false ends the run; what is known by then is returned.
  public func run(
    _ contender: Contender, clock: () -> Int, onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    try run(contender, rateScale: rateScale, countsUntilUs: .max, clock, onProgress)
  }

  private func run(
    _ contender: Contender, rateScale: Double, countsUntilUs: Int64, _ clock: () -> Int,
    _ onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    let workload: any Workload
    do throws(WorkloadError) { workload = try source.open(rateScale: rateScale) } catch { throw .workload(error) }
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: source.mix, workload: workload, link: contender.link())
    engine.countsArrivalsUntilUs = countsUntilUs
    var isComplete = true
    let scorecard = try engine.run(clock: clock) { progress in
      isComplete = onProgress(progress) && isComplete
      return isComplete
    }
    return SimulationRun(
      scorecard: scorecard, timeline: engine.timeline, boundRequestsPerS: boundRequestsPerS,
      offeredRequestsPerS: demand.ratePerS * rateScale, isComplete: isComplete)
  }

  // MARK: - Capacity

  /// Bisects for the largest rate with at least 99 % of every class within its SLO. Requests that arrive near the end
  /// are not counted. Needs arrivals spread over time.
  /// - Parameter onProgress: told the run's number, from 1; returning false ends the search with what is known.
  public func sweepRate(
    _ contender: Contender, clock: () -> Int, onProgress: (_ run: Int, RunProgress) -> Bool
  ) throws(EngineRunError) -> RateSweep {
    var sweep = RateSweep()
    guard demand.ratePerS > 0 else { return sweep }
    var low = 0.0
    var high = boundRequestsPerS * Self.sweepStart
    for number in 1...RateSweep.runs {
      let rate = (low + high) / 2
      let scale = rate / demand.ratePerS
      let spanUs = Int64(Double(demand.spanUs) / scale)
      let run = try run(
        contender, rateScale: scale, countsUntilUs: spanUs - min(Self.tailUsMax, spanUs / Self.tailShare), clock
      ) { onProgress(number, $0) }
      guard run.isComplete else { break }
      let point = RateSweep.Point(
        requestsPerS: rate, goodputRequestsPerS: rate * run.scorecard.withinSLORatio,
        worstClassRatio: run.scorecard.worstClassRatio)
      sweep.points.append(point)
      if point.isGood { low = rate } else { high = rate }
    }
    return sweep
  }

  /// Where the search begins, over the bound: a bound that serves everyone may be passed when 1 % may be dropped.
  private static let sweepStart = 1.1
  private static let tailUsMax: Int64 = 60_000_000
  private static let tailShare: Int64 = 5
}
