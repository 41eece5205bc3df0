import SchedulerCore
import WireProtocol

/// One look at the machine: what steers plans, and the document that people read.
public struct MachineSnapshot: Sendable {
  /// For the core: changes only when `generation` grows, so that a recorded generation stands for its values.
  public var resources: ResourceSnapshot
  var tree: SnapshotTree

  /// The document (Schemas/snapshot-v1.json) with ages as of now.
  public func json() -> JSONValue { tree.json(nowMs: SystemClock.nowMs()) }
}
