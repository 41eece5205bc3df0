/// Bounds on drafts that the wire sets.
enum SpeculationLimit {
  /// Drafts of one request that one base-36 digit can count (Docs/wire.md, session rule 7).
  static let digitsMax = 35
}
