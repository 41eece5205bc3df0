import Testing

@testable import SchedulerCore

struct PrefixKindTests {
  private func kind(
    uses: Int = 1, wasKnown: Bool = false, continues: Bool = false, newTokens: Int = 100, outputTokens: Int = 100
  ) -> Int {
    PrefixKind.index(
      uses: uses, wasKnown: wasKnown, continues: continues, newTokens: newTokens, outputTokens: outputTokens)
  }

  /// Every kind is some block's, and no two kinds of block share a number.
  @Test func allKindsOccur() {
    var kinds: Set<Int> = [PrefixKind.unfilled]
    for newTokens in [1_024, 1_025, 4_097, 16_385] {
      for outputTokens in [64, 65, 257] {
        for uses in 2...5 {
          kinds.insert(kind(uses: uses, wasKnown: true, newTokens: newTokens, outputTokens: outputTokens))
        }
        for continues in [false, true] {
          kinds.insert(kind(continues: continues, newTokens: newTokens, outputTokens: outputTokens))
        }
      }
    }
    #expect(kinds == Set(0..<PrefixKind.count))
  }

  /// A family is of one past; the request that had the block last tells its kinds apart.
  @Test func families() {
    let family = { (kind: Int) in kind / PrefixKind.familySize }
    #expect(family(kind(newTokens: 0, outputTokens: 0)) == family(kind(newTokens: 99_999, outputTokens: 9_999)))
    #expect(family(kind()) != family(kind(continues: true)))
    #expect(family(kind(uses: 2, wasKnown: true)) != family(kind(uses: 3, wasKnown: true)))
    #expect(family(PrefixKind.unfilled) != family(PrefixKind.unfilled - 1))
    #expect(kind(uses: 4, wasKnown: true) == kind(uses: 99, wasKnown: true))
  }
}
