import Testing

@testable import SchedulerCore

/// What iterations with trees say about further candidates.
struct CandidateBeliefTests {
  @Test func hitsAreThoseOfOneAfterTheOther() {
    let half = CandidateBelief.Weights(0, 0, 1, 0)
    let sixty = AcceptanceBelief.levels.indices.first { AcceptanceBelief.levels[$0] == 0.6 } ?? 0
    for (width, hit) in [(1, 0.6), (2, 0.72), (3, 0.762), (4, 0.77985)] {
      #expect(abs(CandidateBelief.hit(half, width: width)[sixty] - hit) < 1e-12)
    }
  }

  /// Outcomes drawn from a = .6 and f: what is believed of f comes close, and of a too.
  @Test(arguments: [(0.1, 5), (0.75, 6)] as [(Double, UInt64)])
  func theTruthIsFound(further: Double, seed: UInt64) {
    var random = SplitMix64(seed)
    func unit() -> Double { Double(random.below(1_000_000)) / 1_000_000 }
    var book = AcceptanceBook()
    let shape = DraftShape(widths: [3, 2, 1])
    var delivered = 1
    for _ in 0..<3_000 {
      var accepted = 0
      while accepted < 3 {
        var chance = 0.6
        var isRight = false
        for _ in 0..<shape.width(accepted + 1) {
          if unit() < chance { isRight = true }
          if isRight { break }
          chance *= further
        }
        guard isRight else { break }
        accepted += 1
      }
      delivered += 1 + accepted
      book.observe(
        DraftOutcome(slot: 0, serial: 1, drafted: 6, shape: shape, accepted: accepted, deliveredTokens: delivered))
    }
    let believed = (book.candidates(slot: 0, serial: 1, deliveredTokens: delivered) * CandidateBelief.levels).sum()
    #expect(abs(believed - further) < 0.2, "\(believed)")
    let acceptance = AcceptanceBelief.mean(
      book.expectation(slot: 0, serial: 1, deliveredTokens: delivered).weights)
    #expect(abs(acceptance - 0.6) < 0.2, "\(acceptance)")
    // A request that was never heard of starts from there.
    let usual = (book.candidates(slot: 1, serial: 2, deliveredTokens: 1) * CandidateBelief.levels).sum()
    #expect((usual > 0.42) == (further > 0.5), "\(usual)")
  }

  /// Chains say nothing of f: what is usual stays as it was.
  @Test func chainsSayNothingOfFurtherCandidates() {
    var book = AcceptanceBook()
    let before = book.usualCandidates
    for round in 1...50 {
      book.observe(DraftOutcome(slot: 0, serial: 1, drafted: 3, accepted: round % 4, deliveredTokens: 4 * round))
    }
    #expect(book.usualCandidates == before)
    #expect(book.candidates(slot: 0, serial: 1, deliveredTokens: 200) == before)
  }
}
