import Policy

/// What `coxswain serve` was asked to do.
public struct SidecarConfiguration: Sendable {
  public var runtimeDirectory: String
  public var policy: PolicySource
  /// Where policies are kept; nil: in memory only.
  public var stateDirectory: String?
  public var limits: SidecarLimits
  public var version: String
  /// Of `/metrics` on the loopback address; nil: none, 0: any free one.
  public var metricsPort: Int?
  /// Check every plan against the invariants before it leaves. Costs O(running) per Step.
  public var checksPlans: Bool

  public init(
    runtimeDirectory: String, policy: PolicySource, stateDirectory: String?,
    limits: SidecarLimits = SidecarLimits(), version: String, metricsPort: Int? = nil, checksPlans: Bool
  ) {
    self.runtimeDirectory = runtimeDirectory
    self.policy = policy
    self.stateDirectory = stateDirectory
    self.limits = limits
    self.version = version
    self.metricsPort = metricsPort
    self.checksPlans = checksPlans
  }
}
