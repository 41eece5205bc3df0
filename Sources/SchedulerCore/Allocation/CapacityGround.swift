/// On whose capacity a request would run.
enum CapacityGround: Sendable {
  /// Its class's own, or what nobody reserved.
  case own
  /// That of a better class, by its index.
  case upgrade(lender: Int)
  /// Nobody's.
  case denied(Reason)

  var isOwn: Bool {
    if case .own = self { true } else { false }
  }
}
