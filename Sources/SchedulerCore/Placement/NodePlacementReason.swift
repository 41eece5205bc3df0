/// Why a worker runs where it does, or what keeps it from a better place.
public enum NodePlacementReason: Error, Hashable, Sendable {
  /// The firmware places the GPU at this node.
  case gpuNearNode(node: Int)
  /// The firmware places the GPU at several nodes alike (a socket that is divided): the one with the fewest workers.
  case gpuNearNodes(count: Int, used: Int)
  /// Its share of the cores that are near to its GPU, or of its node's without one.
  case coresNearby(cores: Int, of: Int, workers: Int)
  /// More workers than cores near them: they share.
  case coresShared(cores: Int, workers: Int)
  /// The firmware does not say which node is near: not bound to any.
  case localityUnknown(busID: String)
  /// None of the CPUs near the GPU may be used; the nearest node that has some was taken.
  case noAllowedCPUs(near: Int, used: Int)
  /// No CPU that may be used belongs to any node of ordinary memory: not bound.
  case noUsableCPUs
  /// Host memory beside the CPUs.
  case memoryLocal(node: Int)
  /// The node of the CPUs is barred, full or no ordinary memory: the nearest other one.
  case memoryRemote(node: Int, distance: Int)
  /// No ordinary memory node may be used.
  case memoryUnbound
  /// One NUMA node: binding memory changes nothing.
  case singleNode
  /// The gain depends on traffic between host and GPU: offload, RDMA, many small launches.
  case gainByHostTraffic(nodes: Int)
  /// Members of one tensor-parallel group and the worst connection among them.
  case group(closeness: GPUCloseness)
  /// Fewer GPUs than workers were asked for.
  case fewerGPUs(asked: Int, found: Int)
  case noGPUs

  public var code: String {
    switch self {
    case .gpuNearNode: "gpu_near_node"
    case .gpuNearNodes: "gpu_near_nodes"
    case .coresNearby: "cores_nearby"
    case .coresShared: "cores_shared"
    case .localityUnknown: "locality_unknown"
    case .noAllowedCPUs: "no_allowed_cpus"
    case .noUsableCPUs: "no_usable_cpus"
    case .memoryLocal: "memory_local"
    case .memoryRemote: "memory_remote"
    case .memoryUnbound: "memory_unbound"
    case .singleNode: "single_node"
    case .gainByHostTraffic: "gain_by_host_traffic"
    case .group: "group"
    case .fewerGPUs: "fewer_gpus"
    case .noGPUs: "no_gpus"
    }
  }
}
