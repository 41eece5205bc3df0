import Policy

/// Walks the tuning list: each step simulates its candidates against the policy so far, on the same requests, and takes
/// the best if it is better (`TuningRule`). The proposal is judged on requests that nothing was chosen by.
public struct Tuner: Sendable {
  public let cluster: Cluster
  public let options: EngineOptions
  public let traffic: TuningTraffic
  public let base: PolicyDocument
  /// What the policy is for.
  public let need: PolicyNeed?
  /// What happens to the instances, on both parts of the traffic.
  public var events: [ScriptedEvent] = []
  /// Those that are walked, in the list's order.
  public var steps = TuningStep.allCases

  /// - Parameter need: nil: what the base is for.
  public init(
    cluster: Cluster, options: EngineOptions, traffic: TuningTraffic, base: PolicyDocument, need: PolicyNeed? = nil
  ) {
    self.cluster = cluster
    self.options = options
    self.traffic = traffic
    self.base = base
    self.need = need ?? base.need
  }

  public var objective: TuningObjective { TuningObjective(need) }

  /// - Parameters:
  ///   - clock: real monotonic nanoseconds, for progress only.
  ///   - onProgress: returning false ends it; what is known by then is returned.
  public func run(
    clock: () -> Int, onProgress: (TuningProgress) -> Bool
  ) throws(TuningError) -> TuningReport {
    var walk: TuningWalk
    do throws(PolicyErrors) { walk = try TuningWalk(self) } catch { throw .policy(error) }
    try walk.run(clock, onProgress)
    return walk.report
  }
}
