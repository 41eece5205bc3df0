import WireProtocol

/// The first Step of a recording whose replay gave something else.
public struct ReplayDifference: Error, Hashable, Sendable {
  public var session: String
  public var seq: UInt64
  public var outcome: StepOutcome
  /// What the sidecar answered when it was recorded.
  public var recorded: String
  /// What came out now.
  public var replayed: String

  public var text: String {
    "step \(seq) of \(session) differs\n  recorded (\(outcome.name)): \(recorded)\n  replayed: \(replayed)"
  }

  public var json: JSONValue {
    [
      "session": .string(session), "seq": JSONValue(seq), "outcome": .string(outcome.name),
      "recorded": .string(recorded), "replayed": .string(replayed),
    ]
  }
}
