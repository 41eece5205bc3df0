/// The scheduler of one engine session: a mirror of the engine's queue, and the stages that make a plan of it.
///
/// Pure: the same calls with the same values give the same plans, byte for byte, in every process.
public struct SchedulerCore: Sendable {
  public let engine: EngineDescription
  public private(set) var policy: PolicyConfig

  public init(engine: EngineDescription, policy: PolicyConfig, limits: MirrorLimits = MirrorLimits()) {
    self.engine = engine
    self.policy = policy
  }

  /// Applies one Step to the mirror, in the order of session rule 6. After an error the mirror is worthless: drop it.
  public mutating func apply(_ delta: StepDelta) throws(StepRejection) {}

  /// Makes the plan that answers the Step applied last. `plan` is emptied first and keeps its storage.
  public mutating func plan(resources: ResourceSnapshot, into plan: inout StepPlan) {}

  /// The plan made last never reached the engine in time: it may not be reported as launched.
  public mutating func dropPlan() {}

  /// Takes effect with the next plan; waiting requests are put in the new order.
  public mutating func setPolicy(_ policy: PolicyConfig) { self.policy = policy }
}
