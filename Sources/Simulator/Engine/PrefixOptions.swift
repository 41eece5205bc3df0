import SchedulerCore

/// What the scheduler may do with the prefix cache, how its contents are named, and the tier behind it.
public struct PrefixOptions: Hashable, Sendable {
  /// `kvEvict`, `kvPin` and `kvPrefetch`, or some of them.
  public var verbs: Capabilities
  /// Tokens of one named unit; taken down to a multiple of the engine's blocks.
  public var unitTokens: Int
  /// Pinned host memory for prefix blocks that leave the GPU; 0: they are lost.
  public var tierBytes: Int
  /// One direction of the link between GPU and host, bytes per second; nil: the profile's.
  public var tierBytesPerS: Double?

  public static let unitTokensDefault = 512

  public init(
    verbs: Capabilities, unitTokens: Int = Self.unitTokensDefault, tierBytes: Int = 0, tierBytesPerS: Double? = nil
  ) {
    self.verbs = verbs
    self.unitTokens = unitTokens
    self.tierBytes = tierBytes
    self.tierBytesPerS = tierBytesPerS
  }
}
