/// What the KV cache should keep: blocks per pool that admission must leave free.
public struct CachePlan: Hashable, Codable, Sendable {
  /// One count per pool, so that running requests can grow.
  public var watermarkBlocks: [Int]

  public init(watermarkBlocks: [Int]) { self.watermarkBlocks = watermarkBlocks }
}
