/// Why a placement was chosen, with its numbers.
public enum PlacementReason: Hashable, Codable, Sendable {
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
