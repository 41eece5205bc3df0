import SchedulerCore

/// One workload on one set of instances, again for each contender: reference engines around the sidecar's own core, in
/// process and in virtual time.
public struct Simulation: Sendable {
  public let cluster: Cluster
  public let options: EngineOptions
  public let source: WorkloadSource
  public let rateScale: Double
  public let demand: WorkloadDemand
  /// Fluid bound at the pace of the mix, everybody served.
  public let boundRequestsPerS: Double
  /// What happens to the instances, in order of time.
  public var events: [ScriptedEvent] = []
  /// Requests that arrive in the last so many microseconds are served and not counted; nil: none, and in a sweep the
  /// last minute, or fifth of a shorter trace.
  public var uncountedTailUs: Int64?
  /// Of one instance; nil when nobody said.
  public var pricePerHour: Double?

  /// Counts the workload's demand: one pass over it.
  public init(
    cluster: Cluster, options: EngineOptions, source: WorkloadSource, rateScale: Double
  ) throws(WorkloadError) {
    var cluster = cluster
    for index in cluster.instances.indices {
      if let overheadUs = options.overheadUs { cluster.instances[index].profile.time.overheadUs = overheadUs }
    }
    guard cluster.isComplete else {
      throw .invalidCluster(message: "some model has no instance that prefills, or none that decodes")
    }
    var source = source
    source.modelShares = cluster.modelShares
    self.cluster = cluster
    self.options = options
    self.source = source
    self.rateScale = rateScale
    demand = try WorkloadDemand(
      try source.open(rateScale: 1), classes: source.mix.entries.count, prefixCaching: options.prefixCaching)
    boundRequestsPerS = Self.bound(cluster, demand, options, Pace(source.mix))
  }

  /// On one instance.
  public init(
    profile: GPUProfile, options: EngineOptions, source: WorkloadSource, rateScale: Double
  ) throws(WorkloadError) {
    try self.init(cluster: Cluster(profile), options: options, source: source, rateScale: rateScale)
  }

  /// The first instance's.
  public var profile: GPUProfile { cluster.instances[0].profile }

  /// Every instance at its own bound, whatever its role, and the model that its instances carry least of.
  private static func bound(
    _ cluster: Cluster, _ demand: WorkloadDemand, _ options: EngineOptions, _ pace: Pace
  ) -> Double {
    var perProfile: [GPUProfile: Double] = [:]
    var perModel = Array(repeating: 0.0, count: cluster.modelShares.count)
    for instance in cluster.instances {
      let profile = instance.profile
      let bound =
        perProfile[profile]
        ?? FluidBound(
          demand: demand, time: profile.time, kvCapacityTokens: options.kvCapacityTokens ?? profile.kvCapacityTokens
        ).requestsPerS(pace)
      perProfile[profile] = bound
      perModel[instance.model] += bound
    }
    let total = cluster.modelShares.reduce(0, +)
    return zip(perModel, cluster.modelShares).map { $0 * total / $1 }.min() ?? 0
  }

  /// Runs the workload once under a contender.
  /// - Parameters:
  ///   - clock: real monotonic nanoseconds, for progress and for the scheduler's time per step.
  ///   - onProgress: returning false ends the run; what is known by then is returned.
  public func run(
    _ contender: Contender, clock: () -> Int, onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    let tailUs = uncountedTailUs ?? 0
    let countsUntilUs = tailUs > 0 ? spanUs(rateScale) - tailUs : .max
    return try run(contender, rateScale: rateScale, countsUntilUs: countsUntilUs, clock, onProgress)
  }

  /// From the first arrival to the last.
  private func spanUs(_ rateScale: Double) -> Int64 { Int64(Double(demand.spanUs) / rateScale) }

  private func run(
    _ contender: Contender, rateScale: Double, countsUntilUs: Int64, _ clock: () -> Int,
    _ onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    let workload: any Workload
    do throws(WorkloadError) { workload = try source.open(rateScale: rateScale) } catch { throw .workload(error) }
    var loop = EngineLoop(
      engines: engines(contender, countsUntilUs), workload: workload, models: cluster.instances.map(\.model),
      router: cluster.router.router(), transferBytesPerS: cluster.transferBytesPerS, division: division(contender),
      events: events)
    var isComplete = true
    var scorecard = try loop.run(clock: clock) { progress in
      isComplete = onProgress(progress) && isComplete
      return isComplete
    }
    scorecard.pricePerHour = pricePerHour
    return SimulationRun(
      scorecard: scorecard, timeline: loop.timeline, boundRequestsPerS: boundRequestsPerS,
      offeredRequestsPerS: demand.ratePerS * rateScale, isComplete: isComplete)
  }

  /// Who divides roles among the instances, if anybody does.
  private func division(_ contender: Contender) -> RoleDivision? {
    guard cluster.dividesRoles else { return nil }
    let engine = RoleEngine(
      time: profile.time, kvCapacityTokens: options.kvCapacityTokens ?? profile.kvCapacityTokens,
      kvBytesPerToken: profile.kvBytesPerToken, transferBytesPerS: Int(cluster.transferBytesPerS),
      isPaced: contender.policy.isPaced)
    return RoleDivision(engine: engine, engines: cluster.instances.count, mix: source.mix)
  }

  private func engines(_ contender: Contender, _ countsUntilUs: Int64) -> [ReferenceEngine] {
    cluster.instances.enumerated().map { index, instance in
      var options = options
      options.knownOutputLengths = contender.isClairvoyant
      options.role = instance.role
      options.serverID = "reference-engine-\(index)"
      options.seed = source.seed
      var engine = ReferenceEngine(
        profile: instance.profile, options: options, mix: source.mix, workload: ListWorkload([]),
        link: contender.link(
          time: instance.profile.time, isTold: options.tellsIterationTimes, bias: options.timeModelBias))
      engine.countsArrivalsUntilUs = countsUntilUs
      return engine
    }
  }

  // MARK: - Capacity

  /// Bisects for the largest rate with at least 99 % of every class within its SLO. Requests that arrive near the end
  /// are not counted. Needs arrivals spread over time.
  /// - Parameters:
  ///   - withCurve: also tries rates up to beyond the bound.
  ///   - onProgress: told the run's number, from 1; returning false ends the search with what is known.
  public func sweepRate(
    _ contender: Contender, criterion: RateSweep.Criterion = .rate, withCurve: Bool = false, clock: () -> Int,
    onProgress: (_ run: Int, RunProgress) -> Bool
  ) throws(EngineRunError) -> RateSweep {
    var sweep = RateSweep(criterion: criterion)
    guard demand.ratePerS > 0 else { return sweep }
    var low = 0.0
    var high = boundRequestsPerS * Self.sweepStart
    for number in 1...RateSweep.runs {
      let rate = (low + high) / 2
      guard let point = try point(contender, rate, clock, { onProgress(number, $0) }) else { return sweep }
      sweep.points.append(point)
      if sweep.isGood(point) { low = rate } else { high = rate }
    }
    guard withCurve else { return sweep }
    for (index, share) in RateSweep.curveShares.enumerated() {
      let number = RateSweep.runs + index + 1
      guard let point = try point(contender, boundRequestsPerS * share, clock, { onProgress(number, $0) }) else {
        return sweep
      }
      sweep.curve.append(point)
    }
    return sweep
  }

  /// One rate of a sweep; nil when it was interrupted.
  private func point(
    _ contender: Contender, _ rate: Double, _ clock: () -> Int, _ onProgress: (RunProgress) -> Bool
  ) throws(EngineRunError) -> RateSweep.Point? {
    let scale = rate / demand.ratePerS
    let spanUs = spanUs(scale)
    let tailUs = uncountedTailUs ?? min(Self.tailUsMax, spanUs / Self.tailShare)
    let run = try run(contender, rateScale: scale, countsUntilUs: spanUs - tailUs, clock, onProgress)
    guard run.isComplete else { return nil }
    return RateSweep.Point(
      requestsPerS: rate, goodputRequestsPerS: rate * run.scorecard.withinSLORatio,
      worstClassRatio: run.scorecard.worstClassRatio, worstClassStrictRatio: run.scorecard.worstClassStrictRatio)
  }

  /// Where the search begins, over the bound: a bound that serves everyone may be passed when 1 % may be dropped.
  private static let sweepStart = 1.1
  private static let tailUsMax: Int64 = 60_000_000
  private static let tailShare: Int64 = 5
}
