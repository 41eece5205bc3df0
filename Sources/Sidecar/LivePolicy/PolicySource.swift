import Policy

/// Where the sidecar's policy comes from when it starts, and again on SIGHUP.
public struct PolicySource: Sendable {
  public var load: @Sendable () -> PolicyLoad
  /// Yields whenever the policy should be read again.
  public var reloads: AsyncStream<Void>

  public init(load: @escaping @Sendable () -> PolicyLoad, reloads: AsyncStream<Void>) {
    self.load = load
    self.reloads = reloads
  }

  /// One that never changes by itself.
  public init(_ document: PolicyDocument) {
    self.init(load: { PolicyLoad(document) }, reloads: AsyncStream { $0.finish() })
  }
}
