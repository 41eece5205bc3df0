import Glibc
import SchedulerCore

/// The best trees of one iteration when the true probability of every candidate is known, by the rules of
/// `OracleDrafts`.
///
/// At a given depth a draft costs the time of one token, whoever's it is. So each request's tree is grown at that
/// price, and the price is what one token more costs where all trees together end: a few rounds bring the two together.
/// Depths are tried one after the other as long as they may still be better.
struct OracleTrees {
  struct Candidate {
    /// By level, by number of candidates: probability that one of them is right where the path reached the level.
    var hits: [[Double]]

    /// Tokens that a tree makes, the sure one included.
    func tokens(_ tree: Tree) -> Double {
      var reach = 1.0
      return (0..<tree.shape.depth(drafts: tree.drafts)).reduce(1) { sum, level in
        reach *= hits[level][tree.shape.width(level + 1) - 1]
        return sum + reach
      }
    }
  }

  struct Tree: Equatable {
    var drafts = 0
    var shape = DraftShape.chain
  }

  private static let rounds = 4
  /// Depths in a row that are worse before deeper ones are not tried.
  private static let worseMost = 3

  let rule: OracleDrafts.Rule
  let draftStepUs: Double
  let widthMost: Int
  let nodesMost: Int

  /// - Parameter elapsedUs: time of the iteration with so many drafts, the drafter's own not counted.
  /// - Returns: the tree of each candidate.
  func best(_ candidates: [Candidate], elapsedUs: (_ drafts: Int) -> Int) -> [Tree] {
    let count = Double(candidates.count)
    let plainUs = Double(elapsedUs(0))
    var best = (value: value(0, count, plainUs), trees: candidates.map { _ in Tree() })
    let deepest = candidates.map(\.hits.count).max() ?? 0
    var price = price(at: 0, worth: 0, count, stepsUs: 0, elapsedUs)
    var worse = 0
    for depth in stride(from: 1, through: deepest, by: 1) {
      let stepsUs = draftStepUs * Double(depth)
      var isBetter = false
      for _ in 0..<Self.rounds {
        var growth = OracleGrowth(rule: rule, price: price, widthMost: widthMost, nodesMost: nodesMost)
        var worth = 0.0
        var drafts = 0
        let trees = candidates.map { candidate in
          let tree = growth.grow(candidate.hits, depth: depth)
          worth += growth.worth
          drafts += tree.drafts
          return tree
        }
        let value = value(worth, count, Double(elapsedUs(drafts)) + stepsUs)
        if value > best.value {
          best = (value, trees)
          isBetter = true
        }
        let next = self.price(at: drafts, worth: worth, count, stepsUs: stepsUs, elapsedUs)
        if next == price { break }
        price = next
      }
      worse = isBetter ? 0 : worse + 1
      if worse >= Self.worseMost { break }
    }
    return best.trees
  }

  /// What a draft must be worth where so many are taken already.
  private func price(
    at drafts: Int, worth: Double, _ count: Double, stepsUs: Double, _ elapsedUs: (Int) -> Int
  ) -> Double {
    let us = Double(elapsedUs(drafts)) + stepsUs
    // Over several tokens: times are whole microseconds.
    let span = 16
    let tokenUs = Double(elapsedUs(drafts + span) - elapsedUs(drafts)) / Double(span)
    return rule == .tokens ? (count + worth) / us * tokenUs : count * tokenUs / us
  }

  private func value(_ worth: Double, _ count: Double, _ us: Double) -> Double {
    rule == .tokens ? (count + worth) / us : worth / count - log(us)
  }
}
