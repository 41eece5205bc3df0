import Glibc
import SchedulerCore

/// The best drafts of one iteration when the true probability of every draft is known.
///
/// Time depends only on how many drafts there are and how deep the deepest is. For each depth the drafts are taken in
/// order of worth, and every number of them is tried. Two readings of best, the same where all requests are alike:
/// most tokens per time in this iteration, or most progress, the product of the requests' own tokens per time: a token
/// saves its request the less, the more it makes anyway.
struct OracleDrafts {
  enum Rule: String, CaseIterable, Sendable {
    case tokens
    case progress
  }

  struct Candidate {
    /// Probability that each draft is right and all before it were, as many as it may verify.
    var gains: [Double]
  }

  let rule: Rule
  let draftStepUs: Double

  private struct Draft {
    var candidate: Int
    var depth: Int
    var worth: Double
  }

  /// - Parameter elapsedUs: time of the iteration with so many drafts, the drafter's own not counted.
  /// - Returns: drafts of each candidate.
  func best(_ candidates: [Candidate], elapsedUs: (_ drafts: Int) -> Int) -> [Int] {
    let ordered = drafts(candidates)
    let times = (0...ordered.count).map { Double(elapsedUs($0)) }
    let count = Double(candidates.count)
    var best = (value: value(worth: 0, count, times[0]), depth: 0, drafts: 0)
    for depth in 1...max(1, ordered.map(\.depth).max() ?? 1) {
      var worth = 0.0
      var taken = 0
      for draft in ordered where draft.depth <= depth {
        worth += draft.worth
        taken += 1
        let value = value(worth: worth, count, times[taken] + draftStepUs * Double(depth))
        if value > best.value { best = (value, depth, taken) }
      }
    }
    var chosen = candidates.map { _ in 0 }
    for draft in ordered.lazy.filter({ $0.depth <= best.depth }).prefix(best.drafts) { chosen[draft.candidate] += 1 }
    return chosen
  }

  /// Each candidate's drafts in their order, all by worth.
  private func drafts(_ candidates: [Candidate]) -> [Draft] {
    var drafts: [Draft] = []
    for (index, candidate) in candidates.enumerated() {
      var tokens = 1.0
      for (place, gain) in candidate.gains.enumerated() where gain > 0 {
        let worth = rule == .tokens ? gain : log1p(gain / tokens)
        drafts.append(Draft(candidate: index, depth: place + 1, worth: worth))
        tokens += gain
      }
    }
    return drafts.sorted { ($0.worth, $1.depth, $1.candidate) > ($1.worth, $0.depth, $0.candidate) }
  }

  private func value(worth: Double, _ count: Double, _ us: Double) -> Double {
    rule == .tokens ? (count + worth) / us : worth / count - log(us)
  }
}
