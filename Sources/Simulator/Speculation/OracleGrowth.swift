import Glibc
import SchedulerCore

/// One request's tree at a price for each draft, grown level by level where the truth is known: a level more, then
/// candidates where they are worth most, as long as they are worth the price. A tree that may have no more drafts is
/// made anew from a chain of its depth.
struct OracleGrowth {
  let rule: OracleDrafts.Rule
  let price: Double
  let widthMost: Int
  let nodesMost: Int

  /// Of the tree that was grown last, by the rule.
  private(set) var worth = 0.0
  private var widths: [Int] = []
  /// Probability that the path reaches each level.
  private var reach: [Double] = []
  private var drafts = 0
  private var tokens = 1.0

  init(rule: OracleDrafts.Rule, price: Double, widthMost: Int, nodesMost: Int) {
    self.rule = rule
    self.price = price
    self.widthMost = widthMost
    self.nodesMost = nodesMost
  }

  /// - Parameter hits: by level, by number of candidates.
  mutating func grow(_ hits: [[Double]], depth: Int) -> OracleTrees.Tree {
    empty()
    var tree = OracleTrees.Tree()
    var kept = 0.0
    var net = 0.0
    for level in 0..<min(depth, hits.count) {
      addLevel(hits)
      addCandidates(hits)
      if drafts >= nodesMost, drafts > level + 1 {
        empty()
        for _ in 0...level { addLevel(hits) }
        addCandidates(hits)
      }
      guard worth - price * Double(drafts) > net else { break }
      net = worth - price * Double(drafts)
      kept = worth
      tree = .init(drafts: drafts, shape: DraftShape(widths: widths))
    }
    worth = kept
    return tree
  }

  private mutating func empty() {
    widths.removeAll(keepingCapacity: true)
    reach.removeAll(keepingCapacity: true)
    drafts = 0
    tokens = 1
    worth = 0
  }

  private mutating func addLevel(_ hits: [[Double]]) {
    let gain = (reach.last ?? 1) * hits[reach.count][0]
    worth += worth(of: gain)
    widths.append(1)
    reach.append(gain)
    drafts += 1
    tokens += gain
  }

  private mutating func addCandidates(_ hits: [[Double]]) {
    while drafts < nodesMost, let best = bestCandidate(hits) {
      worth += best.worth
      widen(best.level, hits)
    }
  }

  private func worth(of gain: Double) -> Double { rule == .tokens ? gain : log1p(gain / tokens) }

  private func bestCandidate(_ hits: [[Double]]) -> (level: Int, worth: Double)? {
    var best = (level: -1, gain: 0.0)
    for level in 0..<min(widths.count, DraftShape.wideLevelsMax) where widths[level] < widthMost {
      guard hits[level][widths[level] - 1] > 0 else { continue }
      let more = hits[level][widths[level]] / hits[level][widths[level] - 1] - 1
      let gain = reach[level...].reduce(0, +) * more
      if gain > best.gain { best = (level, gain) }
    }
    guard best.level >= 0 else { return nil }
    let worth = worth(of: best.gain)
    return worth > price ? (best.level, worth) : nil
  }

  private mutating func widen(_ level: Int, _ hits: [[Double]]) {
    let times = hits[level][widths[level]] / hits[level][widths[level] - 1]
    widths[level] += 1
    drafts += 1
    for index in level..<reach.count {
      tokens += reach[index] * (times - 1)
      reach[index] *= times
    }
  }
}
