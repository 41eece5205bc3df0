import WireProtocol

/// The policy that was there and the proposal, on the same requests.
public struct TuningComparison: Hashable, Sendable {
  public var before: TuningFigures
  public var after: TuningFigures

  var json: JSONValue { ["before": before.json, "after": after.json] }
}
