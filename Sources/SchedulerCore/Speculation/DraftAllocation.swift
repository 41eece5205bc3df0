/// How many drafts each request of a batch verifies, so that the batch goes ahead as fast as it can.
///
/// A request that makes E tokens in an iteration in place of 1 is in 1/E as many; its part in an iteration is worth
/// share = T/n. One more draft, right with probability g, is worth share * g/E (more exactly share * log(1 + g/E)) and
/// costs the time of verifying one token: drafts are added while they are worth more (SmartSpec's rule, with each
/// request's own E). A step of the drafter serves the whole batch, so that the depth is chosen last: the one at which
/// all drafts together are worth most beyond its steps. T grows with the drafts, and a few rounds settle it. Where the
/// engine verifies trees, `TreeGrowth` adds candidates at each depth by the same rule. O(requests * drafts).
struct DraftAllocation: Codable, Sendable {
  private static let rounds = 4
  private static let settledShare = 0.002
  /// What it is worth to learn whether a request is easy, in drafts of one iteration spent in ignorance.
  private static let curiosity = 2.0
  /// Trees that do not fit are made anew at twice the price of a token, so many times; then they lose levels.
  private static let dearerRounds = 4

  private struct Candidate: Codable, Sendable {
    var slot: Int32
    var serial: RequestSerial
    /// Levels.
    var most: Int32
    /// Drafts of a tree.
    var draftsMost: Int32
    /// Output tokens since its last drafts.
    var unseenTokens: Int
    /// Drafts that are worth it, as far as the depth allows.
    var drafts: Int32 = 0
    var shape = DraftShape.chain
    /// Gains that are computed, or depths at which there is a tree.
    var known: Int32 = 0
    var weights: AcceptanceBelief.Weights
    /// What is believed of further candidates; nothing where there are no trees.
    var further: CandidateBelief.Weights
    var curiosity = 0.0
  }

  /// A tree down to one level.
  private struct Grown: Codable, Sendable {
    var drafts: Int32
    var shape: DraftShape
  }

  private var candidates: ContiguousArray<Candidate> = []
  /// Probability that each draft of each candidate is right, `depthMost` apart.
  private var gains: ContiguousArray<Double> = []
  /// The trees of each candidate by depth, `depthMost` apart, and how many of them there are.
  private var trees: ContiguousArray<Grown> = []
  private var growth = TreeGrowth()
  private var limits: EngineDescription.Drafter.Tree?
  private var depthMost = 0
  /// Worth beyond their verification of all drafts at each depth.
  private var surplus: ContiguousArray<Double> = []
  private(set) var depth = 0

  var count: Int { candidates.count }

  /// - Parameter trees: what the engine says of trees; nil for chains only.
  mutating func open(depthMost: Int, trees limits: EngineDescription.Drafter.Tree?) {
    self.depthMost = depthMost
    self.limits = limits
    depth = 0
    candidates.removeAll(keepingCapacity: true)
    gains.removeAll(keepingCapacity: true)
    trees.removeAll(keepingCapacity: true)
  }

  var isForTrees: Bool { limits != nil }

  /// - Parameter room: tokens that the request may output beyond the sure one.
  mutating func add(
    slot: Int, serial: RequestSerial, room: Int, weights: AcceptanceBelief.Weights, further: CandidateBelief.Weights,
    unseenTokens: Int
  ) {
    let room = max(0, room)
    candidates.append(
      Candidate(
        slot: Int32(slot), serial: serial, most: Int32(min(depthMost, room)),
        draftsMost: Int32(min(limits?.nodesMax ?? 0, room)), unseenTokens: unseenTokens, weights: weights,
        further: further))
    for _ in 0..<depthMost {
      if limits == nil { gains.append(0) } else { trees.append(Grown(drafts: 0, shape: .chain)) }
    }
  }

  /// Decides. Afterwards `visit` says who drafts.
  /// - Parameter stepUs: time of one step of the drafter.
  mutating func decide(_ conditions: DraftConditions, stepUs: Double, perBatch: Bool) {
    guard !candidates.isEmpty, depthMost > 0 else { return }
    var tokenUs = conditions.tokenUs
    settle(conditions, tokenUs: tokenUs, stepUs: stepUs, perBatch: perBatch)
    for _ in 0..<Self.dearerRounds where isForTrees && !isWithin(conditions, stepUs: stepUs) {
      tokenUs *= 2
      settle(conditions, tokenUs: tokenUs, stepUs: stepUs, perBatch: perBatch)
    }
    keepWithin(conditions, stepUs: stepUs)
  }

  /// Drafts at a price of `tokenUs` for each.
  private mutating func settle(_ conditions: DraftConditions, tokenUs: Double, stepUs: Double, perBatch: Bool) {
    var grownUs = 0.0
    for _ in 0..<Self.rounds {
      let shareUs = conditions.shareUs ?? (conditions.decodeUs + grownUs) / Double(candidates.count)
      noteCuriosity(conditions, shareUs: shareUs, stepUs: stepUs)
      if isForTrees {
        growTrees(shareUs: shareUs, tokenUs: tokenUs, perBatch: perBatch)
      } else {
        weigh(shareUs: shareUs, tokenUs: tokenUs, perBatch: perBatch)
      }
      depth = bestDepth(stepUs: stepUs)
      for index in candidates.indices where perBatch || isForTrees || Int(candidates[index].drafts) > depth {
        setDepth(index, depth)
      }
      let before = grownUs
      grownUs = Double(drafts) * conditions.tokenUs + Double(depth) * stepUs
      if abs(grownUs - before) < Self.settledShare * conditions.plainUs { break }
    }
  }

  /// The drafts of one request down to a level.
  private mutating func setDepth(_ index: Int, _ depth: Int) {
    guard isForTrees else {
      candidates[index].drafts = min(candidates[index].most, Int32(depth))
      return
    }
    let levels = min(depth, Int(candidates[index].known))
    let tree = levels > 0 ? trees[index * depthMost + levels - 1] : Grown(drafts: 0, shape: .chain)
    candidates[index].drafts = tree.drafts
    candidates[index].shape = tree.shape
  }

  /// Drafts over all requests.
  var drafts: Int { candidates.reduce(0) { $0 + Int($1.drafts) } }

  /// Everybody with what was decided, in the order in which they were added.
  func visit(
    _ body: (_ slot: Int, _ serial: RequestSerial, _ drafts: Int, _ shape: DraftShape, _ most: Int) -> Void
  ) {
    for candidate in candidates {
      body(Int(candidate.slot), candidate.serial, Int(candidate.drafts), candidate.shape, Int(candidate.most))
    }
  }

  /// The drafts of a whole batch that has the same for all who have room for them.
  var batch: (drafts: Int, shape: DraftShape) {
    guard isForTrees else { return (depth, .chain) }
    let widest = candidates.max { $0.drafts < $1.drafts }
    return widest.map { (Int($0.drafts), $0.shape) } ?? (0, .chain)
  }

  /// One draft for each of the `count` requests that have gone longest without, and none for the others.
  mutating func probe(atMost count: Int, _ conditions: DraftConditions, stepUs: Double) {
    let able = candidates.indices.filter { candidates[$0].most > 0 }
    let chosen = able.sorted { (candidates[$0].unseenTokens, $1) > (candidates[$1].unseenTokens, $0) }.prefix(count)
    for index in chosen {
      candidates[index].drafts = 1
      candidates[index].shape = .chain
    }
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

  private mutating func growTrees(shareUs: Double, tokenUs: Double, perBatch: Bool) {
    surplus.removeAll(keepingCapacity: true)
    for _ in 0...depthMost { surplus.append(0) }
    if perBatch { return growOneTree(shareUs: shareUs, tokenUs: tokenUs) }
    for index in candidates.indices {
      let candidate = candidates[index]
      growth.open(
        acceptance: candidate.weights, candidates: candidate.further, levelsMost: Int(candidate.most),
        draftsMost: Int(candidate.draftsMost), widthMost: limits?.widthMax ?? 1)
      candidates[index].known = 0
      while let worthUs = growth.deepen(shareUs: shareUs, tokenUs: tokenUs, curiosity: candidate.curiosity), worthUs > 0
      {
        surplus[growth.depth] += worthUs
        trees[index * depthMost + growth.depth - 1] = Grown(drafts: Int32(growth.drafts), shape: growth.shape)
        candidates[index].known = Int32(growth.depth)
      }
    }
  }

  /// The same tree for all: the one of a request that is like their mean.
  private mutating func growOneTree(shareUs: Double, tokenUs: Double) {
    let count = Double(candidates.count)
    growth.open(
      acceptance: candidates.reduce(AcceptanceBelief.Weights(repeating: 0)) { $0 + $1.weights } / count,
      candidates: candidates.reduce(CandidateBelief.Weights(repeating: 0)) { $0 + $1.further } / count,
      levelsMost: depthMost, draftsMost: limits?.nodesMax ?? 0, widthMost: limits?.widthMax ?? 1)
    let curiosity = candidates.reduce(0) { $0 + $1.curiosity } / count
    for index in candidates.indices { candidates[index].known = 0 }
    while let worthUs = growth.deepen(shareUs: shareUs, tokenUs: tokenUs, curiosity: curiosity), worthUs > 0 {
      surplus[growth.depth] += count * worthUs
      for index in candidates.indices {
        let most = growth.shape.isChain ? candidates[index].most : candidates[index].draftsMost
        let drafts = min(Int32(growth.drafts), most)
        trees[index * depthMost + growth.depth - 1] = Grown(drafts: drafts, shape: growth.shape.cut(to: Int(drafts)))
        candidates[index].known = Int32(growth.depth)
      }
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
    while depth > 1, !isWithin(conditions, stepUs: stepUs) {
      depth -= 1
      for index in candidates.indices where Int(candidates[index].drafts) > depth { setDepth(index, depth) }
    }
    var left = drafts
    for index in candidates.indices.reversed()
    where candidates[index].drafts > 0 && !isWithin(conditions, drafts: left, stepUs: stepUs) {
      left -= Int(candidates[index].drafts)
      candidates[index].drafts = 0
    }
    if left == 0 { depth = 0 }
  }

  private func isWithin(_ conditions: DraftConditions, drafts: Int? = nil, stepUs: Double) -> Bool {
    let drafts = drafts ?? self.drafts
    return drafts <= conditions.tokensMost
      && (drafts == 0
        || conditions.plainUs + Double(drafts) * conditions.tokenUs + Double(depth) * stepUs <= conditions.limitUs)
  }
}
