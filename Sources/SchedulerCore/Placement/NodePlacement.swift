/// Where the workers of a model server should run on one machine, and why.
public struct NodePlacement: Hashable, Sendable {
  public struct Worker: Hashable, Sendable {
    /// Position of the GPU by PCI address; nil on a machine without GPUs.
    public var gpu: Int?
    public var busID: String?
    public var uuid: String?
    /// Which tensor-parallel group it belongs to.
    public var group: Int
    /// CPUs of this worker; whole cores. Empty: no binding.
    public var cpus: IDList
    /// Node of those CPUs; nil where they are not on one.
    public var numaNode: Int?
    /// Node for its pinned host memory; nil: no binding.
    public var memoryNode: Int?
    /// Its share of what that node can give.
    public var memoryBytes: Int
    /// Network adapter and disk that are nearest to it, by bus id.
    public var nic: String?
    public var nvme: String?
    public var reasons: [NodePlacementReason]
  }

  public var workers: [Worker]
  public var pairs: [GPUPair]
  /// CPUs that are left for the sidecar and the system.
  public var reservedCPUs: IDList
  public var warnings: [NodePlacementReason]
  /// Whether binding can pay at all.
  public var isGainExpected: Bool
  /// Score: how much less distance traffic between the GPUs and host memory travels than without any binding, in
  /// percent. What that is worth depends on the traffic: much with KV offload or RDMA, next to nothing without.
  public var savedDistancePercent: Int
}

extension NodePlacementReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .gpuNearNode(let node): "the GPU is near node \(node)"
    case .gpuNearNodes(let count, let used):
      "the GPU is near \(count) nodes alike: node \(used) has the fewest workers"
    case .coresNearby(let cores, let all, let workers):
      "\(cores) of the \(all) usable cores near to it, which \(workers) worker(s) divide"
    case .coresShared(let cores, let workers):
      "\(workers) workers share \(cores) core(s): there are not enough for each to have its own"
    case .localityUnknown(let busID):
      "the firmware does not say which node is near to \(busID): no binding is better than a wrong one"
    case .noAllowedCPUs(let near, let used):
      "no CPU of node \(near), which is near to the GPU, may be used: node \(used) is the nearest that has some"
    case .noUsableCPUs: "no node has both ordinary memory and a CPU that may be used: no binding"
    case .memoryLocal(let node): "host memory of node \(node) is beside the CPUs"
    case .memoryRemote(let node, let distance):
      "host memory of node \(node), the nearest ordinary memory that may be used"
        + (distance > 0 ? " (distance \(distance))" : "")
    case .memoryUnbound: "no node of ordinary memory may be used: memory is not bound"
    case .singleNode: "one NUMA node: no gain is expected from binding memory"
    case .gainByHostTraffic(let nodes):
      "\(nodes) NUMA nodes: binding pays with KV offload, RDMA or a host-bound decode, and little without"
    case .group(let closeness): "the farthest GPUs of its group are connected by \(closeness.rawValue)"
    case .fewerGPUs(let asked, let found): "\(asked) workers were asked for, and there are \(found) GPUs"
    case .noGPUs: "no GPU was found: the workers divide the machine's nodes"
    }
  }
}
