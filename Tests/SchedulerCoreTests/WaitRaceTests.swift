import Testing

@testable import SchedulerCore

/// When a turn comes, by hand: 10 s of work ahead, served at one second per second unless said otherwise.
struct WaitRaceTests {
  private func wait(rate: Double = 1, ahead: Double = 10, _ overtakers: [(rate: Double, until: Double)] = []) -> Double
  {
    var race = WaitRace()
    race.open()
    race.add(aheadUs: ahead, requests: 1)
    for overtaker in overtakers {
      race.add(overtakingRate: overtaker.rate, worst: 2 * overtaker.rate, untilUs: overtaker.until)
    }
    return race.waitUs(rate: rate)
  }

  @Test func aloneItIsWorkOverRate() {
    #expect(wait() == 10)
    #expect(wait(rate: 2) == 5)
    #expect(wait(ahead: 0) == 0)
  }

  /// W = 10 + W / 2; W = 10 + 4 / 2; and those that stop before the turn count in full, the others up to it.
  @Test func whoComesLaterAndGoesFirstCountsUntilItStops() {
    #expect(wait([(0.5, WaitRace.neverUs)]) == 20)
    #expect(wait([(0.5, 4)]) == 12)
    #expect(wait([(0.5, 12)]) == 16)
    #expect(wait([(0.25, WaitRace.neverUs), (0.25, 4)]) == 11 / 0.75)
    #expect(wait([(0.25, 4), (0.25, WaitRace.neverUs)]) == 11 / 0.75)
  }

  /// More comes than is served: for ever there is no turn, for 3 s there is one, at 10 + 2 x 3.
  @Test func whoIsOvertakenForEverNeverHasItsTurn() {
    #expect(wait([(1.5, WaitRace.neverUs)]) > 1e9)
    #expect(wait([(2, 3)]) == 16)
    #expect(WaitEstimate(meanUs: .infinity, boundUs: .nan).meanUs == WaitEstimate.mostUs)
  }

  /// Half the rate, two more ahead, and twice as many that overtake: W = (12 + W / 4) / (1 / 2).
  @Test func theWorst() {
    var race = WaitRace()
    race.open()
    race.add(aheadUs: 10, requests: 1)
    #expect(race.worstUs(rate: 0.5, moreUs: 2) == 24)
    race.add(overtakingRate: 0.125, worst: 0.25, untilUs: WaitRace.neverUs)
    #expect(race.worstUs(rate: 0.5, moreUs: 2) == 48)
    #expect(race.waitUs(rate: 0.5) == 10 / 0.375)
  }

  /// The equation holds for whatever comes.
  @Test(arguments: UInt64(1)...200) func theEquationHolds(seed: UInt64) {
    var random = SplitMix64(seed)
    let overtakers = (0..<random.below(6)).map { _ in
      (rate: Double(random.below(60)) / 100, until: Double(1 + random.below(50)))
    }
    let (rate, ahead) = (1 + Double(random.below(20)) / 10, Double(random.below(100)))
    let found = wait(rate: rate, ahead: ahead, overtakers)
    let work = overtakers.reduce(ahead) { $0 + $1.rate * min(found, $1.until) }
    #expect(abs(rate * found - work) < 1e-6 * max(1, work), "seed \(seed): \(found)")
  }
}
