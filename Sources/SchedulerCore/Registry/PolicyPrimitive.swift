/// Something that a policy file can name: one rule, where it comes from, and how far it can be relied on.
public struct PolicyPrimitive: Hashable, Sendable {
  /// The member of a policy file whose values these are.
  public enum Member: String, CaseIterable, Sendable {
    case ordering = "queue.ordering"
    case allocation = "queue.allocation"
    case fairness = "queue.fairness"
    case late = "queue.late"
    case strategy = "batch.strategy"
    case budget = "batch.budget_from"
    case victimOrder = "preemption.victim_order"
    case means = "preemption.means"
    case eviction = "memory.eviction"
    case speculation = "speculation.mode"
  }

  public enum Stability: String, CaseIterable, Sendable {
    /// Its rules are its source's and will stay.
    case stable
    /// Its rules may still change.
    case experimental
    /// It exists to be compared with.
    case baseline
    /// Clairvoyant: it shows what could be reached, and never serves.
    case yardstick
    /// It exists to try engines and clients.
    case testsOnly = "tests only"
  }

  public let member: Member
  /// As policy files spell it.
  public let name: String
  /// The paper or system whose rule it is; "ours" for rules of this project.
  public let source: String
  public let stability: Stability
  /// Cost of one step. R running requests, W waiting ones, A admitted in this step, C changed since the last one,
  /// V victims of this step, E evicted prefix units, T tenants, K classes, D drafts of the longest draft; empty where
  /// it costs nothing of its own.
  public let perStep: String
}
