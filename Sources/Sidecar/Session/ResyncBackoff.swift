/// `retry_after_ms` of RESYNC: at once the first time, then doubling while it recurs, so that a broken adapter does not
/// resync at full speed (Docs/wire.md, session rule 10).
struct ResyncBackoff {
  static let firstMs = 10
  static let mostMs = 60_000
  /// Steps in a row that count before the next loss is a first one again.
  static let goodStretch = 1_000

  private(set) var retryAfterMs = 0
  private var losses = 0
  private var goodSteps = 0

  /// Whether anything was ever lost: what a later session of the same rank should know.
  var isRemarkable: Bool { retryAfterMs > 0 || losses > 0 }

  mutating func lost() {
    goodSteps = 0
    retryAfterMs = losses == 0 ? 0 : min(Self.mostMs, Self.firstMs << min(losses - 1, 20))
    losses += 1
  }

  mutating func stepCounted() {
    guard losses > 0 else { return }
    goodSteps += 1
    if goodSteps >= Self.goodStretch { losses = 0 }
  }
}
