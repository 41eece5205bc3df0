/// What became of one recorded Step.
public enum StepOutcome: UInt8, CaseIterable, Sendable {
  /// Its plan left.
  case planned
  /// It asked for none.
  case sync
  /// Made and dropped: the deadline was over.
  case late
  /// Made and dropped: the caller cancelled.
  case cancelled
  /// Made and dropped: it broke an invariant.
  case withheld
  /// It contradicted the mirror, which was dropped: RESYNC.
  case rejected

  /// In recordings.
  public var name: String {
    switch self {
    case .planned: "planned"
    case .sync: "sync"
    case .late: "late"
    case .cancelled: "cancelled"
    case .withheld: "withheld"
    case .rejected: "rejected"
    }
  }

  public init?(name: String) {
    guard let outcome = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = outcome
  }
}
