import WireProtocol

/// One candidate and what it achieved on the tuned traffic.
public struct TuningTrial: Hashable, Sendable {
  public let candidate: TuningCandidate
  /// nil: the run failed.
  public let figures: TuningFigures?
  public let verdict: TuningVerdict
  /// At the higher rate, if others were as good.
  public var stressed: TuningFigures?

  var json: JSONValue {
    var json: JSONObject = [
      "name": .string(candidate.name), "change": .object(candidate.change), "verdict": .string(verdict.word),
      "figures": figures?.json ?? nil, "figures_at_higher_rate": stressed?.json ?? nil,
    ]
    if let roles = candidate.roles { json["roles"] = .string(roles.rawValue) }
    return .object(json)
  }
}
