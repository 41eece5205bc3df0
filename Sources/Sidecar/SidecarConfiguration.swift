import Policy

/// What `coxswain serve` was asked to do.
public struct SidecarConfiguration: Sendable {
  public var runtimeDirectory: String
  public var policy: PolicyDocument
  public var limits: SidecarLimits
  public var version: String
  /// Check every plan against the invariants before it leaves. Costs O(running) per Step.
  public var checksPlans: Bool

  public init(
    runtimeDirectory: String, policy: PolicyDocument, limits: SidecarLimits = SidecarLimits(), version: String,
    checksPlans: Bool
  ) {
    self.runtimeDirectory = runtimeDirectory
    self.policy = policy
    self.limits = limits
    self.version = version
    self.checksPlans = checksPlans
  }
}
