/// One request's tree of drafts, level by level, each with as many candidates as are worth their time.
///
/// E tokens per iteration are 1 plus, for each level, the probability that the path of right drafts reaches it. One
/// candidate more at level j lets more paths through, to j and all levels below; one level more begins with one
/// candidate. Both are worth share * log(1 + gain / E) less the time of verifying one token, as in a chain
/// (`DraftAllocation`; SpecInfer's trees, arXiv 2305.09781, by SmartSpec's rule). Levels narrow downwards: a candidate
/// lets more through the higher it is. So of levels that are equally wide only the first is asked, and what a tree of
/// one depth has, the deeper one has too; unless it may have no more drafts: then the deeper tree is made anew from a
/// chain, the best candidates first.
struct TreeGrowth: Codable, Sendable {
  /// What it is worth to learn whether further candidates are right, in drafts of one iteration spent in ignorance.
  private static let curiosity = 0.5

  private(set) var shape = DraftShape.chain
  private(set) var drafts = 0
  private(set) var depth = 0
  /// E.
  private(set) var tokens = 1.0
  /// What all drafts together are worth beyond their verification.
  private(set) var worthUs = 0.0

  private var levelsMost = 0
  private var draftsMost = 0
  private var widthMost = 1
  private var acceptance = AcceptanceBelief.Weights(repeating: 0)
  private var candidates = CandidateBelief.Weights(repeating: 0)
  /// Probability that the path reaches each level, by level of a, the weights in it.
  private var reach: ContiguousArray<AcceptanceBelief.Weights> = []
  /// Sums of `reach` from each level to the last.
  private var below: ContiguousArray<AcceptanceBelief.Weights> = []
  /// By candidates of a level, from 1 on, as far as they were needed: how many times as often one is right with one
  /// candidate more, less 1.
  private var more: ContiguousArray<AcceptanceBelief.Weights> = []

  /// Begins a tree without drafts.
  /// - Parameters:
  ///   - acceptance: what is believed of first candidates.
  ///   - candidates: what is believed of further ones.
  mutating func open(
    acceptance: AcceptanceBelief.Weights, candidates: CandidateBelief.Weights, levelsMost: Int, draftsMost: Int,
    widthMost: Int
  ) {
    self.levelsMost = levelsMost
    self.draftsMost = draftsMost
    self.widthMost = widthMost
    self.acceptance = acceptance
    self.candidates = candidates
    more.removeAll(keepingCapacity: true)
    empty()
  }

  private mutating func empty() {
    shape = .chain
    drafts = 0
    depth = 0
    tokens = 1
    worthUs = 0
    reach.removeAll(keepingCapacity: true)
    below.removeAll(keepingCapacity: true)
  }

  /// One level more, and candidates at all levels as long as they are worth it.
  /// - Parameters:
  ///   - tokenUs: time of verifying one more token.
  ///   - curiosity: added to the gain of the first draft of all.
  /// - Returns: how much more the tree is worth than before; nil when there is no room for a level.
  mutating func deepen(shareUs: Double, tokenUs: Double, curiosity: Double) -> Double? {
    guard depth < levelsMost else { return nil }
    let before = worthUs
    addLevel(shareUs: shareUs, tokenUs: tokenUs, curiosity: curiosity)
    addCandidates(shareUs: shareUs, tokenUs: tokenUs)
    if drafts >= draftsMost, !shape.isChain {
      let levels = depth
      empty()
      for _ in 0..<levels { addLevel(shareUs: shareUs, tokenUs: tokenUs, curiosity: curiosity) }
      addCandidates(shareUs: shareUs, tokenUs: tokenUs)
    }
    return worthUs - before
  }

  private mutating func addLevel(shareUs: Double, tokenUs: Double, curiosity: Double) {
    let reached = (depth == 0 ? acceptance : reach[depth - 1]) * AcceptanceBelief.levels
    reach.append(reached)
    below.append(AcceptanceBelief.Weights(repeating: 0))
    for level in below.indices { below[level] += reached }
    let gain = reached.sum()
    worthUs += Self.worth((gain + (depth == 0 ? curiosity : 0)) / tokens, shareUs: shareUs) - tokenUs
    depth += 1
    drafts += 1
    tokens += gain
  }

  private mutating func addCandidates(shareUs: Double, tokenUs: Double) {
    while drafts < draftsMost, let best = bestCandidate(shareUs: shareUs, tokenUs: tokenUs) {
      worthUs += best.worthUs
      widen(best.level, gain: best.gain)
    }
  }

  /// shareUs * log(1 + x), to within 0.1 % for x up to 1: trees of one depth are compared whichever way they grew.
  private static func worth(_ x: Double, shareUs: Double) -> Double {
    let z = x / (2 + x)
    let z2 = z * z
    return shareUs * 2 * z * (1 + z2 * (1.0 / 3 + z2 / 5))
  }

  /// The level, counted from 1, at which one candidate more is worth most; nil when it is nowhere worth its time.
  private mutating func bestCandidate(
    shareUs: Double, tokenUs: Double
  ) -> (level: Int, gain: Double, worthUs: Double)? {
    var best: (level: Int, gain: Double) = (0, 0)
    var widthAbove = widthMost
    for level in 1...min(depth, DraftShape.wideLevelsMax) {
      let width = shape.width(level)
      guard width < widthAbove else { continue }
      widthAbove = width
      let gain = (below[level - 1] * gainOfOneMore(width)).sum()
      if gain > best.gain { best = (level, gain) }
    }
    guard best.level > 0 else { return nil }
    var worthUs = Self.worth(best.gain / tokens, shareUs: shareUs) - tokenUs
    if shape.isChain { worthUs += curiosityUs(shareUs: shareUs, tokenUs: tokenUs) }
    return worthUs > 0 ? (best.level, best.gain, worthUs) : nil
  }

  /// Candidates that are often right, and not known to be, lose in every iteration without them. What knowing f would
  /// be worth in one is added to the worth of the first of them.
  private func curiosityUs(shareUs: Double, tokenUs: Double) -> Double {
    let gain = (below[0] * (1 - AcceptanceBelief.levels)).sum() / tokens
    var worthUs = 0.0
    for index in CandidateBelief.levels.indices {
      let worth = Self.worth(gain * CandidateBelief.levels[index], shareUs: shareUs) - tokenUs
      worthUs += candidates[index] * max(0, worth)
    }
    return Self.curiosity * worthUs
  }

  private mutating func gainOfOneMore(_ width: Int) -> AcceptanceBelief.Weights {
    while more.count < width {
      let known = more.count + 1
      more.append(
        CandidateBelief.hit(candidates, width: known + 1) / CandidateBelief.hit(candidates, width: known) - 1)
    }
    return more[width - 1]
  }

  private mutating func widen(_ level: Int, gain: Double) {
    let times = 1 + gainOfOneMore(shape.width(level))
    let before = below[level - 1]
    for index in (level - 1)..<depth {
      reach[index] *= times
      below[index] *= times
    }
    let added = below[level - 1] - before
    for index in 0..<(level - 1) { below[index] += added }
    shape = shape.widened(level)
    drafts += 1
    tokens += gain
  }
}
