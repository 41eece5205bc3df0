/// The acceptance of every request's drafts, and what is usual for the engine: where a new request starts from, and
/// where one goes back to while nothing is heard of it.
struct AcceptanceBook: Codable, Sendable {
  private struct Entry: Codable, Sendable {
    var serial: RequestSerial
    var belief: AcceptanceBelief
    /// Output tokens at the last outcome.
    var seenTokens: Int
  }

  /// What one output token weighs in what is usual.
  private static let usualGain = 1.0 / 512
  /// An outcome stands for at most so many tokens before it.
  private static let spanMost = 64
  /// Share of what is usual that stays open to every level, whatever was seen.
  private static let openShare = 0.05

  private var entries: ContiguousArray<Entry?> = []
  private var seen = AcceptanceBelief.Weights(repeating: 1.0 / 8)

  /// What is expected of a request about which nothing is known.
  var usual: AcceptanceBelief.Weights { (1 - Self.openShare) * seen + Self.openShare / 8 }

  /// What is expected of a request's next drafts, and how many of its output tokens are settled since the last outcome.
  func expectation(
    slot: Int, serial: RequestSerial, deliveredTokens: Int
  ) -> (weights: AcceptanceBelief.Weights, unseenTokens: Int) {
    guard slot < entries.count, let entry = entries[slot], entry.serial == serial else { return (usual, .max) }
    let unseen = deliveredTokens - entry.seenTokens
    return (entry.belief.weights(after: unseen, usual: usual), unseen)
  }

  mutating func observe(_ outcome: DraftOutcome) {
    let slot = Int(outcome.slot)
    if slot >= entries.count { entries.append(contentsOf: repeatElement(nil, count: slot + 1 - entries.count)) }
    let usual = usual
    let before = outcome.deliveredTokens - 1 - outcome.accepted
    var entry = Entry(serial: outcome.serial, belief: AcceptanceBelief(usual), seenTokens: before)
    if let known = entries[slot], known.serial == outcome.serial { entry = known }
    let span = max(0, before - entry.seenTokens)
    entry.belief.observe(drafted: outcome.drafted, accepted: outcome.accepted, after: span, usual: usual)
    entry.seenTokens = outcome.deliveredTokens
    entries[slot] = entry
    // A request that is seldom tried speaks for all the tokens since it was tried last.
    let gain = min(1, Self.usualGain * Double(1 + min(span, Self.spanMost)))
    seen += gain * (entry.belief.weights - seen)
  }
}
