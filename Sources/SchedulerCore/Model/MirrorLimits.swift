/// How much of an engine's queue the sidecar mirrors (Docs/wire.md, session rules 3, 11 and 19).
public struct MirrorLimits: Hashable, Codable, Sendable {
  public var running: Int
  public var waiting: Int
  public var arrivedPerStep: Int
  /// Tenants, classes and adapters that one session may name.
  public var names: Int
  /// UTF-8 bytes of a request id or a name.
  public var idBytes: Int

  public init(
    running: Int = 1024, waiting: Int = 100_000, arrivedPerStep: Int = 256, names: Int = 4096, idBytes: Int = 256
  ) {
    self.running = running
    self.waiting = waiting
    self.arrivedPerStep = arrivedPerStep
    self.names = names
    self.idBytes = idBytes
  }
}
