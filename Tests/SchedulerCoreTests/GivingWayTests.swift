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

  /// Three interactive requests in slots 0 to 2 and one of batch in slot 3, each with 1,000 prompt tokens (1.05 s) and
  /// 100 tokens to come.
  private func planner() -> GoodputPlanner {
    let policy = PolicyConfig.test(ordering: .goodput, strategy: .goodput, timeModel: .plain)
    var planner = GoodputPlanner(engine: FaithfulEngine.description(), policy: policy)
    for slot in 0..<4 {
      var request = Request(
        handle: UInt32(slot + 1), tenant: 0, className: 0, adapter: -1, promptTokens: 1_000, maxOutputTokens: 100,
        arrivalUs: 0, cachedTokens: 0, ttftSLOMs: 0, tpotSLOMs: 0)
      request.serial = RequestSerial(slot + 1)
      _ = planner.update(
        slot: slot, request: request, class: policy.classes[slot / 3], nowUs: 0, ids: ["a", "b", "c", "d"])
    }
    return planner
  }

  /// Iterations are taken to last 25 ms. Interactive requests get a token in each and hold their KV for 3.55 s; the one
  /// of batch would wait 200 ms for each, and is counted with every second iteration: 6.05 s, at a third of the weight.
  @Test func looseTokensHoldKVForLonger() {
    let jobs = planner().jobs
    #expect(abs(jobs[0].kvDensity / jobs[3].kvDensity - 3 * 6.05 / 3.55) < 1e-9)
  }

  /// Three times 3.7e9 tokens x us are asked for, and 16,000 tokens hold 8e9 in two slices of 250 ms: the line is above
  /// what a batch request is worth. While KV is short it does not start; for want of time alone, its minute
  /// may bring a calmer moment.
  @Test(arguments: [false, true])
  func aFarDeadlineIsNoReasonToTakeScarceKV(isScarce: Bool) {
    var planner = planner()
    for _ in 0..<3 { planner.noteMiss() }
    for _ in 0..<200 { planner.noteKV(refused: isScarce) }
    for slice in 0..<2 { _ = planner.advance(nowUs: Int64(slice) * 250_000) }
    #expect(planner.isKVScarce == isScarce)
    #expect(planner.isBelowLine(planner.jobs[3], nowUs: 250_000) == isScarce)
  }
}
