import SchedulerCore
import WireProtocol

/// How an engine reaches its scheduler: over the socket, or in process.
public protocol SchedulerLink {
  /// What a scorecard calls the scheduler.
  var policyName: String { get }
  /// Opens a session. Returns its epoch.
  mutating func register(_ engine: EngineDescription) throws(EngineRunError) -> UInt64
  /// Sends one Step and waits for its plan.
  mutating func step(_ delta: StepDelta, into reply: inout StepReply) throws(EngineRunError)
  mutating func finish()
}
