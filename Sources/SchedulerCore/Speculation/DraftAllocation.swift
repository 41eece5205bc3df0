/// How many drafts each request of a batch verifies, so that the batch goes ahead as fast as it can.
///
/// A request that makes E tokens in an iteration in place of 1 is in 1/E as many; its part in an iteration is worth
/// share = T/n. One more draft, right with probability g, is worth share * g/E (more exactly share * log(1 + g/E)) and
/// costs the time of verifying one token: drafts are added while they are worth more (SmartSpec's rule, with each
/// request's own E). A step of the drafter serves the whole batch, so that the depth is chosen last: the one at which
/// all drafts together are worth most beyond its steps. T grows with the drafts, and a few rounds settle it.
/// O(requests * drafts).
struct DraftAllocation: Codable, Sendable {
  private static let rounds = 4
  private static let settledShare = 0.002
  /// What it is worth to learn whether a request is easy, in drafts of one iteration spent in ignorance.
  private static let curiosity = 2.0

  private struct Candidate: Codable, Sendable {
    var slot: Int32
    var serial: RequestSerial
    var most: Int32
    /// Output tokens since its last drafts.
    var unseenTokens: Int
    /// Drafts that are worth it, as far as the depth allows.
    var drafts: Int32 = 0
    /// Gains that are computed.
    var known: Int32 = 0
    var weights: AcceptanceBelief.Weights
    var curiosity = 0.0
  }

  private var candidates: ContiguousArray<Candidate> = []
  /// Probability that each draft of each candidate is right, `depthMost` apart.
  private var gains: ContiguousArray<Double> = []
  private var depthMost = 0
  /// Worth beyond their verification of all drafts at each depth.
  private var surplus: ContiguousArray<Double> = []
  private(set) var depth = 0

  var count: Int { candidates.count }

  mutating func open(depthMost: Int) {
    self.depthMost = depthMost
    depth = 0
    candidates.removeAll(keepingCapacity: true)
    gains.removeAll(keepingCapacity: true)
  }

  /// - Parameter most: drafts that the request may verify, from 0 to `depthMost`.
  mutating func add(
    slot: Int, serial: RequestSerial, most: Int, weights: AcceptanceBelief.Weights, unseenTokens: Int
  ) {
    candidates.append(
      Candidate(slot: Int32(slot), serial: serial, most: Int32(most), unseenTokens: unseenTokens, weights: weights))
    for _ in 0..<depthMost { gains.append(0) }
  }

  /// Decides. Afterwards `forEach` says who drafts.
  /// - Parameter stepUs: time of one step of the drafter.
  mutating func decide(_ conditions: DraftConditions, stepUs: Double, perBatch: Bool) {
    guard !candidates.isEmpty, depthMost > 0 else { return }
    var grownUs = 0.0
    for _ in 0..<Self.rounds {
      let shareUs = conditions.shareUs ?? (conditions.decodeUs + grownUs) / Double(candidates.count)
      noteCuriosity(conditions, shareUs: shareUs, stepUs: stepUs)
      weigh(shareUs: shareUs, tokenUs: conditions.tokenUs, perBatch: perBatch)
      depth = bestDepth(stepUs: stepUs)
      for index in candidates.indices where perBatch || Int(candidates[index].drafts) > depth {
        candidates[index].drafts = min(candidates[index].most, Int32(depth))
      }
      let before = grownUs
      grownUs = Double(drafts) * conditions.tokenUs + Double(depth) * stepUs
      if abs(grownUs - before) < Self.settledShare * conditions.plainUs { break }
    }
    keepWithin(conditions, stepUs: stepUs)
  }

  /// Drafts over all requests.
  var drafts: Int { candidates.reduce(0) { $0 + Int($1.drafts) } }

  /// Everybody with what was decided, in the order in which they were added.
  func visit(_ body: (_ slot: Int, _ serial: RequestSerial, _ drafts: Int, _ most: Int) -> Void) {
    for candidate in candidates {
      body(Int(candidate.slot), candidate.serial, Int(candidate.drafts), Int(candidate.most))
    }
  }

  /// One draft for each of the `count` requests that have gone longest without, and none for the others.
  mutating func probe(atMost count: Int, _ conditions: DraftConditions, stepUs: Double) {
    let able = candidates.indices.filter { candidates[$0].most > 0 }
    let chosen = able.sorted { (candidates[$0].unseenTokens, $1) > (candidates[$1].unseenTokens, $0) }.prefix(count)
    for index in chosen { candidates[index].drafts = 1 }
    depth = chosen.isEmpty ? 0 : 1
    keepWithin(conditions, stepUs: stepUs)
  }

  // MARK: - Worth

  /// A request that is easy, and not known to be, loses by every iteration without drafts. What knowing for sure would
  /// be worth in one iteration is added to the worth of its first draft, which tells.
  private mutating func noteCuriosity(_ conditions: DraftConditions, shareUs: Double, stepUs: Double) {
    let price = (conditions.tokenUs + stepUs / Double(candidates.count)) / max(shareUs, 1e-9)
    var worth = AcceptanceBelief.Weights(repeating: 0)
    for level in worth.indices {
      var tokens = 1.0
      for draft in 1...depthMost {
        let gain = AcceptanceBelief.powers[draft][level]
        guard gain / tokens > price else { break }
        worth[level] += gain / tokens - price
        tokens += gain
      }
    }
    for index in candidates.indices {
      candidates[index].curiosity = Self.curiosity * (candidates[index].weights * worth).sum()
    }
  }

  private mutating func weigh(shareUs: Double, tokenUs: Double, perBatch: Bool) {
    surplus.removeAll(keepingCapacity: true)
    for _ in 0...depthMost { surplus.append(0) }
    for index in candidates.indices {
      var tokens = 1.0
      var drafts = 0
      while drafts < Int(candidates[index].most) {
        let gain = gain(index, drafts + 1)
        let share = (gain + (drafts == 0 ? candidates[index].curiosity : 0)) / tokens
        // log(1 + x) to within 4 % for x up to 1.
        let worth = shareUs * share / (1 + share / 2) - tokenUs
        guard worth > 0 || perBatch else { break }
        drafts += 1
        tokens += gain
        surplus[drafts] += worth
      }
      candidates[index].drafts = Int32(drafts)
    }
  }

  private mutating func gain(_ index: Int, _ draft: Int) -> Double {
    let place = index * depthMost + draft - 1
    if draft > Int(candidates[index].known) {
      gains[place] = (candidates[index].weights * AcceptanceBelief.powers[draft]).sum()
      candidates[index].known = Int32(draft)
    }
    return gains[place]
  }

  private func bestDepth(stepUs: Double) -> Int {
    var best = 0
    var bestUs = 0.0
    var sumUs = 0.0
    for depth in 1...depthMost {
      sumUs += surplus[depth] - stepUs
      if sumUs > bestUs { (best, bestUs) = (depth, sumUs) }
    }
    return best
  }

  /// Shortens the longest drafts until tokens and time suffice.
  private mutating func keepWithin(_ conditions: DraftConditions, stepUs: Double) {
    var left = drafts
    func isWithin(_ drafts: Int, _ depth: Int) -> Bool {
      drafts <= conditions.tokensMost
        && (drafts == 0
          || conditions.plainUs + Double(drafts) * conditions.tokenUs + Double(depth) * stepUs <= conditions.limitUs)
    }
    while depth > 1, !isWithin(left, depth) {
      depth -= 1
      for index in candidates.indices where Int(candidates[index].drafts) > depth {
        left -= Int(candidates[index].drafts) - depth
        candidates[index].drafts = Int32(depth)
      }
    }
    for index in candidates.indices.reversed() where !isWithin(left, depth) && candidates[index].drafts > 0 {
      candidates[index].drafts = 0
      left -= 1
    }
    if left == 0 { depth = 0 }
  }
}
