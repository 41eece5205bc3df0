/// Where one engine's host side should run. Sent with a Step reply only when `generation` changed.
public struct PlacementPlan: Hashable, Codable, Sendable {
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
