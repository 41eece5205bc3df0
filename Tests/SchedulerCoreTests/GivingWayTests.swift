import Testing

@testable import SchedulerCore

/// Who gives way, by hand.
struct GivingWayTests {
  private func candidate(
    _ slot: Int32, dueUs: Int64, prefillUs: Double, density: Double, restTokens: Double = 0
  ) -> DemandBins.Candidate {
    DemandBins.Candidate(
      slot: slot, deadlineUs: dueUs, prefillUs: prefillUs, restTokens: restTokens, tpotUs: 50_000, decodeUs: 20_000,
      density: density)
  }

  private func relegated(
    _ candidates: [DemandBins.Candidate], running: (inout DemandBins) -> Void = { _ in }
  ) -> [Int32] {
    var bins = DemandBins()
    bins.open(nowUs: 0)
    running(&bins)
    for candidate in candidates { bins.add(candidate) }
    bins.relegate(supplyShare: 1)
    return bins.candidates.filter(\.isRelegated).map(\.slot).sorted()
  }

  /// 60 ms each, all due in the first 100 ms: one fits, the two that are worth less give way.
  @Test func theLeastDenseGiveWay() {
    let three = [
      candidate(1, dueUs: 90_000, prefillUs: 60_000, density: 2),
      candidate(2, dueUs: 90_000, prefillUs: 60_000, density: 3),
      candidate(3, dueUs: 90_000, prefillUs: 60_000, density: 1),
    ]
    #expect(relegated(three) == [1, 3])
    #expect(relegated(Array(three.prefix(1))) == [])
  }

  /// 60 ms are due in the first bin and 130 by the end of the second, together 190 of 200: all fit.
  @Test func whatIsDueLaterHasMoreTime() {
    #expect(
      relegated([
        candidate(1, dueUs: 90_000, prefillUs: 60_000, density: 1),
        candidate(2, dueUs: 190_000, prefillUs: 130_000, density: 1),
      ]) == [])
  }

  /// A running request takes half of the time for 10 s. 60 ms due within 100 ms do not fit beside it; due within 200 ms
  /// they do.
  @Test func runningRequestsKeepTheirShare() {
    func running(_ bins: inout DemandBins) {
      bins.addDecode(fromUs: 0, tokens: 200, tpotUs: 50_000, costUs: 25_000)
    }
    #expect(relegated([candidate(1, dueUs: 90_000, prefillUs: 60_000, density: 1)], running: running) == [1])
    #expect(relegated([candidate(1, dueUs: 190_000, prefillUs: 60_000, density: 1)], running: running) == [])
  }

  /// Two answers that each take 40 % of the time from their first token on fit; a third does not, and once it has given
  /// way, nobody else has to.
  @Test func answersCountAsTheyFallDue() {
    let three = (1...3).map {
      candidate(Int32($0), dueUs: 90_000, prefillUs: 10_000, density: Double($0), restTokens: 1_000)
    }
    #expect(relegated(Array(three.suffix(2))) == [])
    #expect(relegated(three) == [1])
  }

  /// 4 requests per slice of 250 ms, each of 100 ms: 160 % of the time. Half are worth 16 times the others. The line
  /// lies above the ones and not above the others, once misses are seen; it goes when the load goes.
  @Test func theLineComesWithTheLoadAndGoesWithIt() {
    var window = LoadWindow()
    var nowUs: Int64 = 0
    func pass(_ requests: Int, missed: Int) {
      for index in 0..<requests { window.arrive(cost: 100_000, density: index % 2 == 0 ? 1e-5 : 16e-5) }
      for _ in 0..<missed { window.miss() }
      nowUs += LoadWindow.sliceUs
      window.advance(nowUs: nowUs, capacity: 1, isScarce: false)
    }
    for _ in 0..<40 { pass(4, missed: 0) }
    #expect(abs(window.load - 1.6) < 0.1)
    #expect(!window.isOn, "nobody has missed anything")
    for _ in 0..<40 { pass(4, missed: 1) }
    #expect(window.isOn)
    #expect(window.line > 1e-5 && window.line < 16e-5)
    for _ in 0..<80 { pass(1, missed: 0) }
    #expect(!window.isOn)
    #expect(window.line == 0)
    #expect(abs(window.load - 0.4) < 0.01)
  }
}
