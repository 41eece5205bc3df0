import Testing

@testable import SchedulerCore

/// How fast a line moves, by hand: a prompt token costs 1 us, an output token 10, a request nothing.
struct ServiceLineTests {
  private let costs = WorkCosts(
    requestUs: 0, promptTokenUs: 1, outputTokenUs: 10, outputVariance: 0, startRate: 0.5, iterationUs: 1)

  /// Every millisecond one request of 100 prompt and 30 output tokens is served: 400 us per 1,000 us.
  @Test func theRateIsWhatWasServedWhileSomebodyWaited() {
    var line = ServiceLine()
    #expect(line.rate(costs) == 0.5)
    for _ in 0..<4 { line.join() }
    for _ in 0..<60_000 {
      line.leave(served: WorkSum(requests: 1, promptTokens: 100, outputTokens: 30))
      line.settle(elapsedUs: 1_000, costs)
      line.join()
    }
    #expect(abs(line.rate(costs) - 0.4) < 0.001)
    // Slices were alike: the spread of the start has faded.
    #expect(line.spread < 0.06)
    // A minute in which nobody stands in line says nothing.
    for _ in 0..<4 { line.leave(served: nil) }
    for _ in 0..<60 { line.settle(elapsedUs: 1_000_000, costs) }
    #expect(abs(line.rate(costs) - 0.4) < 0.001)
  }

  /// Slices of 5 s that are served twice as fast and not at all in turns.
  @Test func aRateThatSwingsHasASpread() {
    var line = ServiceLine()
    for _ in 0..<2 { line.join() }
    for second in 0..<600 {
      if second / 5 % 2 == 0 {
        line.leave(served: WorkSum(requests: 1, promptTokens: 800_000, outputTokens: 0))
        line.join()
      }
      line.settle(elapsedUs: 1_000_000, costs)
    }
    #expect(line.spread > 0.7)
  }

  /// Work fades by time, and what it counts for with it: a steady rate stays what it is.
  @Test func fadedWorkKeepsItsRate() {
    var work = FadedWork(scaleUs: 1_000_000)
    for _ in 0..<100 { work.add(WorkSum(requests: 1, promptTokens: 500, outputTokens: 0), elapsedUs: 100_000) }
    #expect(abs(costs.us(work) / work.spanUs - 0.005) < 1e-4)
    let later = work.faded(elapsedUs: 1_000_000)
    #expect(abs(costs.us(later) / costs.us(work) - 0.5) < 1e-9)
  }
}
