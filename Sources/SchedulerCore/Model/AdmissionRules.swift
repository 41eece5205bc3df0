/// Which waiting requests may join, beside what fits the iteration. Absent members change nothing.
public struct AdmissionRules: Hashable, Codable, Sendable {
  /// What becomes of a waiting request whose first token cannot be in time any more.
  public enum Infeasible: String, CaseIterable, Hashable, Codable, Sendable {
    /// It is served like the others.
    case keep
    /// It waits until nobody who can still be in time is waiting.
    case `defer`
    /// It ends with a retry hint, where the engine declared `abort`; else it is deferred.
    case abort
  }

  /// What of the output to come has to fit the KV pool, at the worst moment, when somebody joins.
  public enum PeakReserve: String, CaseIterable, Hashable, Codable, Sendable {
    /// Nothing: free blocks decide.
    case none
    /// What is expected of each request.
    case expected
    /// The longest that each may make (S-LoRA, Sheng et al., MLSys 2024).
    case longest
  }

  /// Requests that may wait; whoever arrives beyond ends with a retry hint where the engine declared `abort`. nil: no
  /// limit of its own.
  public var queueDepth: Int?
  public var infeasible: Infeasible
  /// Share of each pool that has to stay free when a request that never ran joins, in parts per million.
  public var kvHeadroomPpm: Int
  /// What running prompts still have to compute counts as used KV when somebody joins.
  public var reservesPrompts: Bool
  public var reservesPeak: PeakReserve

  public init(
    queueDepth: Int? = nil, infeasible: Infeasible = .keep, kvHeadroomPpm: Int = 0, reservesPrompts: Bool = false,
    reservesPeak: PeakReserve = .none
  ) {
    self.queueDepth = queueDepth
    self.infeasible = infeasible
    self.kvHeadroomPpm = kvHeadroomPpm
    self.reservesPrompts = reservesPrompts
    self.reservesPeak = reservesPeak
  }
}
