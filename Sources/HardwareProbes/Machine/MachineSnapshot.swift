import SchedulerCore
import WireProtocol

/// One look at the machine: what steers plans, and the document that people read. The document is made when somebody
/// asks: a look costs little that way, and most are never read.
public struct MachineSnapshot: Sendable {
  /// What the helper found, as parts of the document.
  struct HelperTrees: Sendable {
    var gpus: SnapshotTree
    var topology: SnapshotTree
    var disk: SnapshotTree
  }

  /// Everything that the document is made of.
  struct Parts: Sendable {
    var readings: MachineReadings
    var headroom: Headroom
    var level: MemoryPressureLevel?
    var assembly: SnapshotAssembly
    var helper: HelperTrees
    /// An earlier document, whose values stand in for those that were lost since.
    var earlier: SnapshotTree?
  }

  /// For the core: changes only when `generation` grows, so that a recorded generation stands for its values.
  public var resources: ResourceSnapshot
  /// nil before the first look.
  var parts: Parts?

  /// The document (Schemas/snapshot-v1.json) with ages as of now.
  public func json() -> JSONValue { tree.json(nowMs: SystemClock.nowMs()) }

  var tree: SnapshotTree {
    guard let parts else { return .object([]) }
    let tree = parts.assembly.tree(
      parts.readings, headroom: parts.headroom, generation: resources.generation, level: parts.level,
      helper: parts.helper)
    return tree.following(parts.earlier)
  }
}
