/// What is to be placed.
public struct NodePlacementRequest: Hashable, Sendable {
  public static let workersMax = 256

  /// Workers with one GPU each; 0 means one for every GPU.
  public var workers: Int
  /// Workers that form one tensor-parallel group.
  public var groupSize: Int
  /// Bus ids of the GPUs that may be used, in the engine's order; empty: all of the machine.
  public var gpus: [String]
  /// Cores that are left for the sidecar and the system.
  public var reservedCores: Int
  /// What each node can still give, by os index; a node that is missing counts with its size.
  public var freeBytes: [Int: Int]
  /// A worker's pinned memory: a node that cannot give it is passed over. 0: any node will do.
  public var memoryBytes: Int

  public init(
    workers: Int = 0, groupSize: Int = 1, gpus: [String] = [], reservedCores: Int = 1, freeBytes: [Int: Int] = [:],
    memoryBytes: Int = 0
  ) {
    self.workers = workers
    self.groupSize = groupSize
    self.gpus = gpus
    self.reservedCores = reservedCores
    self.freeBytes = freeBytes
    self.memoryBytes = memoryBytes
  }
}
