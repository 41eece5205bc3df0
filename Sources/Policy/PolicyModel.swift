import SchedulerCore

/// What one model has in place of the policy's settings: the whole policy with the model's own members on top.
public struct PolicyModel: Hashable, Sendable {
  /// As engines name the model when they register.
  public var name: String
  public var config: PolicyConfig
}
