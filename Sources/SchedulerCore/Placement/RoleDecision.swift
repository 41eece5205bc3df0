/// How roles are divided among like engines, and why.
public struct RoleDecision: Hashable, Codable, Sendable {
  public enum Cause: String, Codable, Sendable {
    /// It has the higher goodput by more than the margin.
    case better
    /// The other is better, but by less than the margin.
    case withinMargin = "within_margin"
    /// The other is better, but the last change is too recent.
    case dwelling
  }

  /// Engines that prefill only; all others decode only. 0: every engine does both.
  public var prefillEngines: Int
  public var cause: Cause
  /// Requests in 1,000 s that are predicted to be in time, never more than arrive.
  public var mixedPerKiloS: Int
  /// The same for the best division into roles.
  public var dividedPerKiloS: Int

  public var description: String {
    let choice = prefillEngines == 0 ? "every engine does both" : "\(prefillEngines) engine(s) prefill"
    return "\(choice) (\(cause.rawValue)): \(mixedPerKiloS) requests in 1,000 s mixed, \(dividedPerKiloS) divided"
  }
}
