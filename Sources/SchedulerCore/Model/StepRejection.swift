/// Why a Step could not be applied: the mirror is dropped and the engine registers again (Docs/wire.md, session rule
/// 10).
public struct StepRejection: Error, Hashable, Sendable {
  /// JSON pointer into the Step message, such as `/state/h/3`.
  public var field: String
  /// What is wrong and what was expected.
  public var reason: String

  public init(field: String, reason: String) {
    self.field = field
    self.reason = reason
  }
}
