import WireProtocol

/// What one contender achieved, beside the bound.
public struct SimulationRun: Sendable {
  public let scorecard: Scorecard
  public let timeline: Timeline
  /// Fluid bound on the rate at which every request is served at the classes' pace.
  public let boundRequestsPerS: Double
  public let offeredRequestsPerS: Double
  /// False when the run was interrupted.
  public let isComplete: Bool
  /// The rates tried and what came of them, when a sweep was asked for.
  public var sweep: RateSweep?

  /// Nothing of it was interrupted.
  public var isFinished: Bool { isComplete && sweep?.isComplete != false }

  /// What runs are ranked by: capacity after a sweep, else goodput, in requests per second.
  public var merit: Double { sweep?.capacityRequestsPerS ?? scorecard.goodputRequestsPerS }

  /// Capacity over bound after a sweep, else goodput over bound.
  public var shareOfBound: Double {
    guard boundRequestsPerS > 0, let sweep else { return scorecard.boundShare(boundRequestsPerS) }
    return sweep.capacityRequestsPerS / boundRequestsPerS
  }

  /// One entry of `runs`.
  public var json: JSONValue {
    var object = scorecard.json.objectValue ?? JSONObject()
    object["offered_requests_per_s"] = .number(offeredRequestsPerS)
    object["bound_requests_per_s"] = .number(boundRequestsPerS)
    object["share_of_bound"] = .number(shareOfBound)
    object["complete"] = .bool(isComplete)
    if let sweep {
      object["capacity_requests_per_s"] = .number(sweep.capacityRequestsPerS)
      object["sweep"] = sweep.json
    }
    return .object(object)
  }
}
