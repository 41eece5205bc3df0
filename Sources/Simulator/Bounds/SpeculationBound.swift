import SchedulerCore

/// The most tokens per second that speculation can give a batch, when every request's true acceptance is known.
///
/// A request that drafts k tokens, each accepted with probability a if those before it are, makes 1 + a + ... + a^k
/// tokens. The iteration verifies all drafts; drafting takes a step of the draft model for each level. Its time depends
/// only on how many tokens there are and how deep the deepest draft is, so for each depth the drafts with the largest
/// a^j are the best of their number: all numbers are tried.
public struct SpeculationBound: Sendable {
  public struct Request: Hashable, Sendable {
    /// Probability that a draft is accepted when those before it were, 0...1.
    public var acceptance: Double
    public var contextTokens: Int

    public init(acceptance: Double, contextTokens: Int) {
      self.acceptance = acceptance
      self.contextTokens = contextTokens
    }
  }

  public struct Choice: Hashable, Sendable {
    /// Drafts of each request.
    public internal(set) var drafts: [Int]
    /// How they lie; empty where all are chains.
    public internal(set) var shapes: [DraftShape] = []
    public internal(set) var tokensPerS: Double
    /// Over the same batch without drafts.
    public internal(set) var speedup: Double
  }

  /// Drafts of one request.
  public static let draftsMax = 16

  private let time: IterationTimeModel
  private let draftStepUs: Double

  /// - Parameter draftStepUs: time of one step of the draft model, for the whole batch.
  public init(time: IterationTimeModel, draftStepUs: Double) {
    self.time = time
    self.draftStepUs = draftStepUs
  }

  /// The best drafts for a batch. - Parameter batch: at least one request.
  public func best(_ batch: [Request]) -> Choice {
    let plain = Double(batch.count) / elapsedS(batch, drafts: 0, depth: 0)
    var best = Choice(drafts: Array(repeating: 0, count: batch.count), tokensPerS: plain, speedup: 1)
    for depth in 1...Self.draftsMax {
      let gains = batch.indices.flatMap { index in
        (1...depth).map { (index: index, gain: power(batch[index].acceptance, $0)) }
      }.sorted { ($0.gain, $1.index) > ($1.gain, $0.index) }
      var tokens = Double(batch.count)
      var drafts = best.drafts.map { _ in 0 }
      for (count, one) in gains.enumerated() {
        tokens += one.gain
        drafts[one.index] += 1
        let rate = tokens / elapsedS(batch, drafts: count + 1, depth: depth)
        if rate > best.tokensPerS { best = Choice(drafts: drafts, tokensPerS: rate, speedup: rate / plain) }
      }
    }
    return best
  }

  /// The best trees for a batch, or the best chains where those are no worse: each further candidate of a level is
  /// right, those before it being wrong, so many times as often as the one before it. - Parameter batch: at least one.
  public func best(_ batch: [Request], trees: SpeculationOptions.Tree) -> Choice {
    let oracle = OracleTrees(
      rule: .tokens, draftStepUs: draftStepUs, widthMost: trees.widthMax, nodesMost: trees.nodesMax)
    let candidates = batch.map { request in
      OracleTrees.Candidate(hits: Array(repeating: hits(request.acceptance, trees), count: Self.draftsMax))
    }
    let found = oracle.best(candidates) { Int(elapsedS(batch, drafts: $0, depth: 0) * 1_000_000 + 0.5) }
    let depth = found.reduce(0) { max($0, $1.shape.depth(drafts: $1.drafts)) }
    let tokens = zip(found, candidates).reduce(0) { $0 + $1.1.tokens($1.0) }
    let rate = tokens / elapsedS(batch, drafts: found.reduce(0) { $0 + $1.drafts }, depth: depth)
    let chains = best(batch)
    guard rate > chains.tokensPerS else { return chains }
    return Choice(
      drafts: found.map(\.drafts), shapes: found.map(\.shape), tokensPerS: rate,
      speedup: rate * chains.speedup / chains.tokensPerS)
  }

  /// Probability that one of 1, 2, ... candidates is right.
  private func hits(_ acceptance: Double, _ trees: SpeculationOptions.Tree) -> [Double] {
    var missed = 1.0
    return (0..<trees.widthMax).map { rank in
      missed *= 1 - acceptance * power(trees.furtherShare, rank)
      return 1 - missed
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { power, _ in power * base }
  }

  private func elapsedS(_ batch: [Request], drafts: Int, depth: Int) -> Double {
    var features = IterationFeatures()
    for (index, request) in batch.enumerated() {
      features.addDecode(context: request.contextTokens, tokens: index == 0 ? 1 + drafts : 1)
    }
    return (Double(time.elapsedUs(features)) + draftStepUs * Double(depth)) / 1_000_000
  }
}
