/// A running request's place among those that may give way: smaller goes first.
struct VictimRank: Comparable, Sendable {
  /// How much is lost with it.
  enum Tier: UInt8, Comparable, Sendable {
    /// Its deadline cannot be met any more.
    case hopeless
    /// It gave way to others before.
    case relegated
    /// It can be away for as long as victims usually are, and still be in time.
    case patient
    /// It would miss its deadline.
    case pressing

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// It came back a moment ago, or gave way more often than its share: others go first.
  var isResting: Bool
  var tier: Tier
  /// Of its class, where losing it counts.
  var weight: Int
  /// Nanoseconds per block that it gives back, or computed tokens.
  var cost: Int
  /// Later in order of admission goes first among equals.
  var runningIndex: Int32

  static func < (a: Self, b: Self) -> Bool {
    if a.isResting != b.isResting { return b.isResting }
    if a.tier != b.tier { return a.tier < b.tier }
    if a.weight != b.weight { return a.weight < b.weight }
    return a.cost != b.cost ? a.cost < b.cost : a.runningIndex > b.runningIndex
  }
}
