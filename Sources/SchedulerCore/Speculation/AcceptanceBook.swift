/// The acceptance of every request's drafts, further candidates included, and what is usual for the engine: where a new
/// request starts from, and where one goes back to while nothing is heard of it.
struct AcceptanceBook: Codable, Sendable {
  private struct Entry: Codable, Sendable {
    var serial: RequestSerial
    var belief: AcceptanceBelief
    /// nil until there was a tree.
    var candidates: CandidateBelief?
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
  private(set) var experts = FixedShare()
  private var seen = AcceptanceBelief.Weights(repeating: 1.0 / 8)
  private var seenCandidates = CandidateBelief.Weights(repeating: 1.0 / 4)

  /// What is expected of a request about which nothing is known.
  var usual: AcceptanceBelief.Weights { (1 - Self.openShare) * seen + Self.openShare / 8 }

  /// What is expected of further candidates of a request that had none.
  var usualCandidates: CandidateBelief.Weights { (1 - Self.openShare) * seenCandidates + Self.openShare / 4 }

  /// What is expected of a request's further candidates.
  func candidates(slot: Int, serial: RequestSerial, deliveredTokens: Int) -> CandidateBelief.Weights {
    guard slot < entries.count, let entry = entries[slot], entry.serial == serial, let known = entry.candidates else {
      return usualCandidates
    }
    return known.weights(after: deliveredTokens - entry.seenTokens, usual: usualCandidates)
  }

  /// What is expected of a request's next drafts, and how many of its output tokens are settled since the last outcome.
  func expectation(
    slot: Int, serial: RequestSerial, deliveredTokens: Int
  ) -> (weights: AcceptanceBelief.Weights, unseenTokens: Int) {
    guard slot < entries.count, let entry = entries[slot], entry.serial == serial else { return (usual, .max) }
    let unseen = deliveredTokens - entry.seenTokens
    return (entry.belief.weights(after: unseen, usual: usual, experts: experts), unseen)
  }

  mutating func observe(_ outcome: DraftOutcome) {
    let slot = Int(outcome.slot)
    if slot >= entries.count { entries.append(contentsOf: repeatElement(nil, count: slot + 1 - entries.count)) }
    let usual = usual
    let before = outcome.deliveredTokens - 1 - outcome.accepted
    var entry = Entry(serial: outcome.serial, belief: AcceptanceBelief(usual: usual), seenTokens: before)
    if let known = entries[slot], known.serial == outcome.serial { entry = known }
    let span = max(0, before - entry.seenTokens)
    // A request that is seldom tried speaks for all the tokens since it was tried last.
    let gain = min(1, Self.usualGain * Double(1 + min(span, Self.spanMost)))
    let likelihood =
      outcome.shape.isChain
      ? AcceptanceBelief.likelihood(drafted: outcome.drafted, accepted: outcome.accepted)
      : observeTree(outcome, &entry, span: span, usual: usual, gain: gain)
    experts.observe(entry.belief.observe(likelihood, accepted: outcome.accepted, after: span, usual: usual))
    entry.seenTokens = outcome.deliveredTokens
    entries[slot] = entry
    seen += gain * (entry.belief.weights(after: 0, usual: usual, experts: experts) - seen)
  }

  private mutating func observeTree(
    _ outcome: DraftOutcome, _ entry: inout Entry, span: Int, usual: AcceptanceBelief.Weights, gain: Double
  ) -> AcceptanceBelief.Weights {
    let usualCandidates = usualCandidates
    var belief = entry.candidates ?? CandidateBelief(usualCandidates)
    let likelihood = belief.observe(
      outcome, after: span, acceptance: entry.belief.unsureWeights(after: span, usual: usual), usual: usualCandidates)
    entry.candidates = belief
    seenCandidates += gain * (belief.weights - seenCandidates)
    return likelihood
  }
}
