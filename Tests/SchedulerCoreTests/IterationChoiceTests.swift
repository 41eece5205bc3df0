import Testing

@testable import SchedulerCore

/// The length of the next iterations, by hand. Without fixed time and with decodes that cost nothing, all of an
/// iteration is prefill.
struct IterationChoiceTests {
  private func decode(aheadUs: Int64, tpotUs: Double = 25_000, rest: Double = 1_000) -> GoodputFrame.Decode {
    GoodputFrame.Decode(
      slot: 0, handle: 1, adapter: -1, contextTokens: 100, dueUs: aheadUs, gapDueUs: Int64(tpotUs), tpotUs: tpotUs,
      costUs: 0, weight: 1,
      restTokens: rest)
  }

  private func urgent(_ slot: Int32, restUs: Double, dueUs: Int64, weight: Double = 1) -> GoodputFrame.Prefill {
    GoodputFrame.Prefill(slot: slot, key: 0, restUs: restUs, dueUs: dueUs, weight: weight)
  }

  private func choose(
    _ decodes: [GoodputFrame.Decode], _ urgent: [GoodputFrame.Prefill], fixedUs: Double
  ) -> GoodputFrame {
    var frame = GoodputFrame()
    frame.open(startUs: 0)
    frame.decodes.append(contentsOf: decodes)
    frame.urgent.append(contentsOf: urgent)
    frame.setGap(fixedUs: 5000)
    IterationChoice(fixedUs: fixedUs).decide(&frame)
    return frame
  }

  @Test func theTightestTokenSetsTheGap() {
    let frame = choose([decode(aheadUs: 400_000, tpotUs: 50_000), decode(aheadUs: 22_000)], [], fixedUs: 5_000)
    #expect(frame.tauUs == 22_000)
    #expect(!frame.spendsBank)
    // Who is behind makes it no shorter than 80 % of the TPOT.
    #expect(choose([decode(aheadUs: -90_000)], [], fixedUs: 5_000).tauUs == 20_000)
  }

  /// Of 25 ms, 15 are fixed: 40 % are left, and 100 ms of prefill take 250 ms. It is due in 200 ms. The running request
  /// is 10 s ahead, so that only late tokens count: they are fewest in iterations of 100 ms, of which two do it.
  @Test func longerIterationsSaveAnUrgentPrefill() {
    let ahead = decode(aheadUs: 10_000_000)
    let frame = choose([ahead], [urgent(7, restUs: 100_000, dueUs: 200_000)], fixedUs: 15_000)
    #expect(frame.tauUs == 100_000)
    #expect(frame.spendsBank)
    #expect(Array(frame.kept) == [7])
  }

  /// The same, but the running request has one token to come and nothing to spare: it would surely be late.
  @Test func notAtTheExpenseOfOneThatIsWorthMore() {
    let behind = decode(aheadUs: 25_000, rest: 1)
    let frame = choose([behind, behind], [urgent(7, restUs: 100_000, dueUs: 200_000)], fixedUs: 15_000)
    #expect(frame.tauUs == 25_000)
    #expect(frame.kept.isEmpty)
  }

  /// In time at the gap already: nothing to weigh.
  @Test func noLongerThanNeeded() {
    let frame = choose(
      [decode(aheadUs: 10_000_000)], [urgent(7, restUs: 100_000, dueUs: 300_000)], fixedUs: 15_000)
    #expect(frame.tauUs == 25_000)
    #expect(!frame.spendsBank)
    #expect(Array(frame.kept) == [7])
  }

  /// Both fit one by one, not together: the earlier is kept.
  @Test func theEarlierOfTwoIsKept() {
    let many = [GoodputFrame.Decode](repeating: decode(aheadUs: 25_000, rest: 1), count: 20)
    let frame = choose(
      many, [urgent(8, restUs: 70_000, dueUs: 260_000), urgent(7, restUs: 70_000, dueUs: 250_000)], fixedUs: 15_000)
    #expect(Array(frame.kept) == [7])
  }
}
