/// Where one engine's host side should run. Sent with a Step reply only when `generation` changed.
public struct PlacementPlan: Hashable, Sendable {
  public var generation: UInt64
  /// CPUs for the engine process, ascending; empty means that no gain is expected from binding.
  public var cpus: [Int]
  /// NUMA node of those CPUs; nil means that no gain is expected from binding.
  public var numaNode: Int?
  /// NUMA node for pinned host memory; nil means that no gain is expected from binding.
  public var memoryNode: Int?
  /// Why, one sentence each, in order of weight.
  public var reasons: [PlacementReason]

  public init(generation: UInt64, cpus: [Int], numaNode: Int?, memoryNode: Int?, reasons: [PlacementReason]) {
    self.generation = generation
    self.cpus = cpus
    self.numaNode = numaNode
    self.memoryNode = memoryNode
    self.reasons = reasons
  }
}

/// Why a placement was chosen, with its numbers.
public enum PlacementReason: Hashable, Sendable {
  /// The machine has `nodes` NUMA node: binding changes nothing.
  case singleNode(nodes: Int)
  /// Node with the most memory, in bytes.
  case mostMemory(bytes: Int)
  /// No topology is known (yet).
  case topologyUnknown

  /// The name on the wire.
  public var code: String {
    switch self {
    case .singleNode: "single_node"
    case .mostMemory: "most_memory"
    case .topologyUnknown: "topology_unknown"
    }
  }
  public var number: Int {
    switch self {
    case .singleNode(let nodes): nodes
    case .mostMemory(let bytes): bytes
    case .topologyUnknown: 0
    }
  }
}
