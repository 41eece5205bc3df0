import Testing

@testable import SchedulerCore

/// The right expert is found out from what drafts came to.
struct FixedShareTests {
  /// Requests of 1,024 tokens, one after the other, whose drafts of 4 are right as `probability` says.
  private static func shares(_ probability: (_ request: Int, _ token: Int) -> Double) -> FixedShare.Shares {
    var random = SplitMix64(11)
    var book = AcceptanceBook()
    for request in 0..<24 {
      var delivered = 1
      while delivered < 1_024 {
        var accepted = 0
        while accepted < 4, Double(random.below(1_000_000)) / 1_000_000 < probability(request, delivered + accepted) {
          accepted += 1
        }
        delivered += 1 + accepted
        book.observe(
          DraftOutcome(
            slot: 0, serial: RequestSerial(request + 1), drafted: 4, accepted: accepted, deliveredTokens: delivered))
      }
    }
    return book.experts.shares
  }

  @Test func textsThatStayAsTheyAre() {
    let shares = Self.shares { request, _ in 0.3 + 0.6 * Double(request % 7) / 6 }
    #expect(shares[1] > 0.8, "\(shares)")
  }

  @Test func textsThatJump() {
    let shares = Self.shares { request, token in (token + 17 * request) / 40 % 2 == 0 ? 0.95 : 0.1 }
    #expect(shares[0] > 0.8, "\(shares)")
  }

  /// Up and down in a zigzag of 256 tokens.
  @Test func textsThatDrift() {
    let shares = Self.shares { request, token in
      let place = (token + 37 * request) % 256
      return 0.1 + 0.85 * Double(place < 128 ? place : 256 - place) / 128
    }
    #expect(shares[2] > 0.8, "\(shares)")
  }

  /// By hand: 1/3 each, thought .2, .1 and .1 likely, is 1/2, 1/4, 1/4, of which 1/4096 is spread anew.
  @Test func trustByHand() {
    var experts = FixedShare()
    experts.observe(FixedShare.Shares(0.2, 0.1, 0.1))
    let kept = 4_095.0 / 4_096
    #expect(abs(experts.shares[0] - (kept / 2 + 1.0 / 3 / 4_096)) < 1e-12)
    #expect(abs(experts.shares[1] - (kept / 4 + 1.0 / 3 / 4_096)) < 1e-12)
    #expect(abs(experts.shares.sum() - 1) < 1e-12)
  }

  /// What nobody thought possible changes nothing.
  @Test func impossibleOutcomesAreLetPass() {
    var experts = FixedShare()
    experts.observe(FixedShare.Shares(repeating: 0))
    #expect(experts == FixedShare())
  }
}
