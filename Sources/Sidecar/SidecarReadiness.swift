/// What a sidecar says once it serves.
public struct SidecarReadiness: Sendable {
  /// Paths.
  public var sockets: [String]
  public var policy: ActivePolicy
  /// nil when no HTTP port was asked for.
  public var metricsPort: Int?
}
