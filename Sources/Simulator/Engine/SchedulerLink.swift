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
  /// Tells the scheduler how tight host memory is. A sidecar behind a socket reads that for itself.
  mutating func setMemoryLevel(_ level: MemoryPressureLevel)
  /// Tells the scheduler how fast KV moves between GPU and host, and to disk, in bytes per second; nil: it cannot. A
  /// sidecar behind a socket measures that for itself.
  mutating func setBandwidths(hostLink: Int?, disk: Int?)
  /// Told of each Step after its plan: compares the scheduler's waiting-time estimates with what comes of them. Not
  /// part of the scheduler's time. Nothing over a socket: the sidecar's estimates stay there.
  mutating func judgeWaits(_ delta: StepDelta)
  var waitScore: WaitScore { get }
  mutating func finish()
}

extension SchedulerLink {
  public mutating func setMemoryLevel(_ level: MemoryPressureLevel) {}
  public mutating func setBandwidths(hostLink: Int?, disk: Int?) {}
  public mutating func judgeWaits(_ delta: StepDelta) {}
  public var waitScore: WaitScore { WaitScore() }
}
