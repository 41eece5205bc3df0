import Foundation
import SchedulerCore
import Testing

@testable import Simulator

struct BoundTests {
  /// A time model by hand: 2 ms per iteration, 0.01 ms per prompt token, 0.1 ms per decode.
  private func bound(kvTokens: Int) -> FluidBound {
    var profile = GPUProfile(
      name: "made", gpu: "made", modelID: "made", parameters: 1, kvBytesPerToken: 1, kvCapacityTokens: kvTokens,
      kvBlockTokens: 16, stepTokens: 1, sequences: 1, length: 1,
      time: IterationTimeModel(
        form: .linear, decodeOnly: .init(a: 0, b: 0, c: 0, d: 0, e: 0),
        withPrefill: .init(a: 1, b: 0.01, c: 0, d: 0.1, e: 0), overheadUs: 1_000))
    profile.name = "by hand"
    return FluidBound(profile)
  }

  private var lengths: FluidBound.Mix {
    var mix = FluidBound.Mix()
    mix.add(promptTokens: 100, outputTokens: 11)
    return mix
  }

  @Test func timeBoundsTheRate() {
    // Each request costs 100 * 0.01 + 10 * 0.1 = 2 ms; an iteration of 20 ms has 18 ms for requests, so 9 of them
    // in 20 ms: 450 per second.
    let rate = bound(kvTokens: 1 << 40).ratePerS(lengths, tpotMs: 20)
    #expect(abs(rate - 450) < 0.01)
  }

  @Test func memoryBoundsTheRate() {
    // 10 decodes over 105.5 tokens each are 1,055 resident tokens per request in the iteration; the shortest iteration
    // that carries its work wins. With x requests per ms: x tau * 1055 <= 4220 and 2 + 2 x tau <= tau, so x tau = 4 at
    // tau = 10: 400 per second.
    let rate = bound(kvTokens: 4_220).ratePerS(lengths, tpotMs: 20)
    #expect(abs(rate - 400) < 0.01)
  }

  @Test func anImpossibleLimitGivesZero() {
    #expect(bound(kvTokens: 1 << 40).ratePerS(lengths, tpotMs: 1.5) < 0.001)
  }

  @Test func theSweepFindsTheEdge() {
    var calls = 0
    let result = RateSweep().run(baseRatePerS: 2) { scale in
      calls += 1
      return scale <= 5.3
    }
    #expect(abs(result.capacityPerS - 10.6) < 0.05)
    #expect(result.trials.count == calls)
    #expect(RateSweep().run(baseRatePerS: 2) { _ in false }.capacityPerS == 0)
    #expect(RateSweep().run(baseRatePerS: 2) { $0 > 1 ? nil : true }.capacityPerS == 2)
  }
}
