/// What the KV cache should keep: blocks per pool that admission must leave free, and what becomes of named prefixes.
///
/// Verbs act before the plan's work; a prefetch starts with the blocks that the work leaves. Keys of one list differ.
public struct CachePlan: Hashable, Codable, Sendable {
  /// Keys in one list of one plan.
  public static let keysMax = 256

  /// One count per pool, so that running requests can grow.
  public var watermarkBlocks: [Int]
  /// Prefix units that leave the cache, with whatever it holds behind them.
  public var evict: [UInt64] = []
  /// Units that other victims are preferred to, until they are unpinned.
  public var pin: [UInt64] = []
  public var unpin: [UInt64] = []
  /// Units to bring back from the slower tier, in this order.
  public var prefetch: [UInt64] = []

  public init(watermarkBlocks: [Int]) { self.watermarkBlocks = watermarkBlocks }

  /// It names prefixes.
  public var hasVerbs: Bool { !(evict.isEmpty && pin.isEmpty && unpin.isEmpty && prefetch.isEmpty) }
}
