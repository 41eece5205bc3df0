/// How running requests give way when KV blocks run out, beside who goes first (`PolicyConfig.VictimOrder`).
public struct PreemptionRules: Hashable, Codable, Sendable {
  /// What happens to a victim's KV.
  public enum Means: String, CaseIterable, Hashable, Codable, Sendable {
    /// Computed again; under the ranked strategy, swapped where the engine can.
    case byStrategy = "by_strategy"
    /// Computed again.
    case requeue
    /// Copied to host memory, or to SSD, where the engine can.
    case swap
    /// Whatever is expected to cost least: computing again, copying, or dropping the tail only.
    case cost
  }

  public var means: Means
  /// A request that came back is no victim again for so many plans, unless nobody else is left; 0: at once.
  public var restPlans: Int
  /// Most preemptions in one second of the engine's clock; nil: no limit.
  public var perSecond: Int?

  public init(means: Means = .byStrategy, restPlans: Int = 0, perSecond: Int? = nil) {
    self.means = means
    self.restPlans = restPlans
    self.perSecond = perSecond
  }
}
