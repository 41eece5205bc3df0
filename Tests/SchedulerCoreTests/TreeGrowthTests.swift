import Testing

@testable import SchedulerCore

/// Trees that can be worked out by hand: a = .60 and f = .50 for sure, so that 1, 2, 3, 4 candidates hit with
/// .60, .72, .762, .77985.
struct TreeGrowthTests {
  private static let sixty: AcceptanceBelief.Weights = {
    var weights = AcceptanceBelief.Weights(repeating: 0)
    weights[4] = 1
    return weights
  }()
  private static let half = CandidateBelief.Weights(0, 0, 1, 0)

  private struct Tree {
    var digits: String
    var tokens: Double

    var widths: [Int] { digits.compactMap(\.wholeNumberValue) }
  }

  /// Shapes and tokens per iteration at each depth, as long as a level more is worth it.
  private func grow(
    tokenUs: Double, shareUs: Double = 1_000, levels: Int = 4, drafts: Int = 35, width: Int = 8,
    acceptance: AcceptanceBelief.Weights = Self.sixty
  ) -> [Tree] {
    var growth = TreeGrowth()
    growth.open(
      acceptance: acceptance, candidates: Self.half, levelsMost: levels, draftsMost: drafts, widthMost: width)
    var found: [Tree] = []
    while let worthUs = growth.deepen(shareUs: shareUs, tokenUs: tokenUs, curiosity: 0), worthUs > 0 {
      let chain = String(repeating: "1", count: growth.drafts)
      found.append(
        Tree(
          digits: growth.shape.isChain ? chain : growth.shape.digits(drafts: growth.drafts), tokens: growth.tokens))
    }
    return found
  }

  /// At 200 us a draft: log(1.6) * 1000 = 470 is worth it, a second candidate, log(1.72/1.60) * 1000 = 72, is not. A
  /// second level brings .36: log(1.96/1.6) * 1000 = 203, one more .216: 105.
  @Test func dearDraftsStayAChain() {
    let found = grow(tokenUs: 200)
    #expect(found.map(\.digits) == ["1", "11"])
    #expect(abs(found[1].tokens - 1.96) < 1e-9)
  }

  /// At 60 us: the second candidate (72) is worth it, a third, log(1.762/1.72) * 1000 = 24, is not. With a second level
  /// E is 1.72 + .432 = 2.152; a second candidate there brings .72 * .12 = .0864: 39, no. Third level: .2592, 114, yes.
  /// Then a third at the first level brings .042/.72 of 1.4112: 34, a second at the second level .2 of .6912 = .138: 56,
  /// no. The fourth level, .15552: 62, is just worth it; and now a second at the second level brings .2 * .84672 =
  /// .16934: log(2.73606/2.56672) * 1000 = 64, yes. At the third it would bring .2 * .497664 = .0995: 36, no.
  @Test func cheaperDraftsWidenWhereTheyLetMostThrough() {
    let found = grow(tokenUs: 60)
    #expect(found.map(\.digits) == ["2", "21", "211", "2211"])
    #expect(abs(found[0].tokens - 1.72) < 1e-9)
    #expect(abs(found[2].tokens - 2.4112) < 1e-9)
    #expect(abs(found[3].tokens - 2.73606) < 1e-5)
  }

  @Test func nothingIsWorthMoreThanItsTime() {
    #expect(grow(tokenUs: 500).isEmpty)
  }

  /// As wide as one may, but no wider.
  @Test func limitsHold() {
    #expect(grow(tokenUs: 0, levels: 2, width: 3).map(\.digits) == ["3", "33"])
    for drafts in 2...12 {
      for tree in grow(tokenUs: 0, drafts: drafts, width: 3) {
        #expect(tree.widths.reduce(0, +) <= max(drafts, tree.widths.count))
        #expect(tree.widths == tree.widths.sorted(by: >))
      }
    }
  }

  /// Where a tree may have no more drafts, the best of all trees of its depth is found, whatever the shallower one had.
  @Test(arguments: [5, 7, 9, 11])
  func ofFewDraftsTheBestAreTaken(drafts: Int) throws {
    let hits = [0.6, 0.72, 0.762, 0.77985]
    func tokens(_ widths: [Int]) -> Double {
      var reach = 1.0
      return widths.reduce(1) { sum, width in
        reach *= hits[width - 1]
        return sum + reach
      }
    }
    var best = 0.0
    for first in 1...4 {
      for second in 1...first {
        for third in 1...second where first + second + third <= drafts {
          best = max(best, tokens([first, second, third]))
        }
      }
    }
    let found = try #require(grow(tokenUs: 0, levels: 3, drafts: drafts, width: 4).last)
    #expect(found.digits.count == 3)
    #expect(found.tokens > 0.999 * best, "\(found)")
    #expect(abs(tokens(found.widths) - found.tokens) < 1e-9)
  }

  /// What is kept level by level is the same as counted anew, over random beliefs.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func sumsStayRight(seed: UInt64) {
    var random = SplitMix64(seed)
    for _ in 0..<50 {
      var acceptance = AcceptanceBelief.Weights(repeating: 0)
      for level in acceptance.indices { acceptance[level] = Double(random.below(100)) }
      acceptance /= acceptance.sum()
      for tree in grow(
        tokenUs: Double(random.below(50)), levels: 6, drafts: 4 + random.below(30), acceptance: acceptance)
      {
        var reach = acceptance
        var tokens = 1.0
        for width in tree.widths {
          reach *= CandidateBelief.hit(Self.half, width: width)
          tokens += reach.sum()
        }
        #expect(abs(tokens - tree.tokens) < 1e-6, "seed \(seed), \(tree)")
      }
    }
  }
}
