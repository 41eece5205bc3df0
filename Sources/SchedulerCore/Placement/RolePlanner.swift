/// Divides prefill and decode among like engines of one host where that serves more requests in time, from the load of
/// a window. Changes only for a clear gain and not soon after the last change: a change costs what is in flight.
public struct RolePlanner: Hashable, Codable, Sendable {
  /// A change has to promise so much more, in percent.
  public static let marginPercent = 10
  /// Shortest time between two changes.
  public static let dwellUs: Int64 = 60_000_000
  public static let enginesMax = 64

  private let engine: RoleEngine
  private let engines: Int
  /// Engines that prefill only at present.
  public private(set) var prefillEngines = 0
  private var changedUs: Int64?

  /// - Parameter engines: 2 or more divide roles; fewer are always mixed.
  public init(engine: RoleEngine, engines: Int) {
    self.engine = engine
    self.engines = min(max(1, engines), Self.enginesMax)
  }

  /// Decides for a window's load. O(engines).
  public mutating func decide(_ load: RoleLoad, nowUs: Int64) -> RoleDecision {
    let forecast = RoleForecast(load: load, engine: engine)
    let mixed = min(load.requestsPerKiloS, forecast.mixedPerKiloS(engines: engines))
    var best = 0
    var divided = 0
    var current = mixed
    for prefill in stride(from: 1, to: engines, by: 1) {
      let rate = min(
        load.requestsPerKiloS, forecast.dividedPerKiloS(prefill: prefill, decode: engines - prefill))
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

  private func cause(_ wanted: Int, promised: Int, current: Int, _ nowUs: Int64) -> RoleDecision.Cause {
    if wanted == prefillEngines { return .better }
    guard promised * 100 > current * (100 + Self.marginPercent) else { return .withinMargin }
    if let changedUs, nowUs - changedUs < Self.dwellUs { return .dwelling }
    return .better
  }
}
