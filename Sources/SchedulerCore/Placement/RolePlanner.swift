/// Divides prefill and decode among like engines of one host where that serves more requests in time, from the load of
/// a window. Changes only for a clear gain and not soon after the last change: a change costs what is in flight.
public struct RolePlanner: Hashable, Codable, Sendable {
  /// A change has to promise so much more, in percent.
  public static let marginPercent = 5
  /// Shortest time between two changes.
  public static let dwellUs: Int64 = 60_000_000
  public static let enginesMax = 64

  private let engine: RoleEngine
  private let engines: Int
  /// Engines that prefill only at present.
  public private(set) var prefillEngines = 0
  public private(set) var changedUs: Int64?
  /// What was measured of each division, by its prefill engines.
  private var outcomes: [RoleOutcome?]

  /// - Parameter engines: 2 or more divide roles; fewer are always mixed.
  public init(engine: RoleEngine, engines: Int) {
    self.engine = engine
    self.engines = min(max(1, engines), Self.enginesMax)
    outcomes = Array(repeating: nil, count: self.engines)
  }

  /// Decides for a window's load. O(engines).
  /// - Parameter inTimePerMille: measured share in time of the requests that the present division served alone; it
  ///   corrects the forecast for this division, at this load, from now on. nil: nothing was measured.
  public mutating func decide(_ load: RoleLoad, inTimePerMille: Int? = nil, nowUs: Int64) -> RoleDecision {
    let forecast = RoleForecast(load: load, engine: engine)
    if let inTimePerMille { measure(load, forecast, inTimePerMille) }
    let mixed = promised(0, load, forecast)
    var best = 0
    var divided = 0
    var current = mixed
    for prefill in stride(from: 1, to: engines, by: 1) {
      let rate = promised(prefill, load, forecast)
      if rate > divided || best == 0 {
        best = prefill
        divided = rate
      }
      if prefill == prefillEngines { current = rate }
    }
    // What both can serve needs no transfers.
    let (wanted, promised) = divided > mixed ? (best, divided) : (0, mixed)
    let cause = cause(wanted, promised: promised, current: current, nowUs)
    if cause == .better, wanted != prefillEngines {
      prefillEngines = wanted
      changedUs = nowUs
    }
    return RoleDecision(
      prefillEngines: prefillEngines, cause: cause, mixedPerKiloS: mixed, dividedPerKiloS: divided)
  }

  /// Requests in 1,000 s that a division is thought to serve in time, at most what arrives.
  private func promised(_ prefill: Int, _ load: RoleLoad, _ forecast: RoleForecast) -> Int {
    let rate = forecastPerKiloS(prefill, load, forecast)
    if let outcome = outcomes[prefill], outcome.isAbout(load) { return outcome.corrected(rate) }
    // Not known better: near what the engines can do, a rate that is counted a little too high foresees a collapse.
    return rate * forecast.queuedPerMille(engines: prefill == 0 ? engines : prefill) / 1_000
  }

  private func forecastPerKiloS(_ prefill: Int, _ load: RoleLoad, _ forecast: RoleForecast) -> Int {
    let rate =
      prefill == 0
      ? forecast.mixedPerKiloS(engines: engines)
      : forecast.dividedPerKiloS(prefill: prefill, decode: engines - prefill)
    return min(load.requestsPerKiloS, rate)
  }

  private mutating func measure(_ load: RoleLoad, _ forecast: RoleForecast, _ inTimePerMille: Int) {
    let rate = forecastPerKiloS(prefillEngines, load, forecast)
    if outcomes[prefillEngines] == nil {
      outcomes[prefillEngines] = RoleOutcome(load, inTimePerMille: inTimePerMille, forecastPerKiloS: rate)
    } else {
      outcomes[prefillEngines]?.add(load, inTimePerMille: inTimePerMille, forecastPerKiloS: rate)
    }
  }

  private func cause(_ wanted: Int, promised: Int, current: Int, _ nowUs: Int64) -> RoleDecision.Cause {
    if wanted == prefillEngines { return .better }
    guard promised * 100 > current * (100 + Self.marginPercent) else { return .withinMargin }
    if let changedUs, nowUs - changedUs < Self.dwellUs { return .dwelling }
    return .better
  }
}
