/// Limits on what a peer may send (Docs/wire.md, "Wire").
public struct WireLimits: Hashable, Sendable {
  public static let defaultFrameBytes = 4 << 20
  public static let defaultDepth = 64

  /// Bytes of one frame's payload.
  public var frameBytes: Int
  /// Levels of nested objects and arrays.
  public var depth: Int

  public init(frameBytes: Int = defaultFrameBytes, depth: Int = defaultDepth) {
    self.frameBytes = frameBytes
    self.depth = depth
  }
}
