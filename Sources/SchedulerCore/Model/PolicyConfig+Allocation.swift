extension PolicyConfig {
  /// Who may use which part of the engine's capacity (Docs/at-least.md).
  public enum Allocation: String, CaseIterable, Hashable, Codable, Sendable {
    /// Everybody all of it.
    case shared
    /// A class its own share.
    case strict
    /// A class its own share, what nobody reserved, and what better classes leave idle, within its upgrade quota.
    case atLeast = "at_least"
  }

  /// Parts per million of the whole.
  public static let wholePpm = 1_000_000

  /// Whether the order and the strategy take requests class by class. The others have lines of their own: tenants'
  /// turns, slices, one order of running and waiting requests.
  public var mayShareCapacity: Bool {
    guard !ordering.takesTurns else { return false }
    switch batchStrategy {
    case .continuous, .decodeFirst, .decodeMaximal, .orca: return true
    case .sliceLevel, .goodput, .ranked, .exerciser: return false
    }
  }

  /// Whether every class has the same share under both, so that who runs stands where it stood.
  func keepsShares(of other: PolicyConfig) -> Bool {
    allocation == other.allocation && sharesCapacity == other.sharesCapacity && classes == other.classes
      && sequences == other.sequences && stepTokens == other.stepTokens
  }

  /// Classes have shares of their own.
  public var sharesCapacity: Bool { allocation != .shared && mayShareCapacity }
}
