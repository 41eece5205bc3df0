/// One Step as it came, and what it was answered.
public struct RecordedStep: Sendable {
  /// 0 when the Step could not be read.
  public var seq: UInt64
  /// When its frame was complete, in microseconds of the sidecar's monotonic clock.
  public var atUs: Int
  public var outcome: StepOutcome
  /// Bytes of the Step's message as received.
  public var message: ArraySlice<UInt8>
  /// Bytes of the reply's message; of a rejected Step, field and reason as JSON. Empty for a dropped plan.
  public var reply: ArraySlice<UInt8>
}
