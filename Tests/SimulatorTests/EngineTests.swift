import Policy
import SchedulerCore
import Testing

@testable import Simulator

struct EngineTests {
  /// Runs `requests` generated requests against the core in process and returns the scorecard.
  private func run(
    policy: String, requests: Int = 150, ratePerS: Double = 8, seed: UInt64 = 1,
    change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Scorecard {
    var options = EngineOptions()
    change(&options)
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    let policy = try #require(PolicyDocument.preset(policy))
    let workload = GeneratedWorkload(requests: requests, ratePerS: ratePerS, mix: .standard, seed: seed)
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: workload, link: CoreLink(policy: policy.config))
    var ticks = 0
    return try engine.run(
      clock: {
        ticks += 1_000
        return ticks
      }, onProgress: { _ in true })
  }

  @Test(arguments: ["vllm-v1", "vllm-v1-priority", "balanced"], [1, 2])
  func everyRequestFinishesUnderEveryPreset(policy: String, inFlight: Int) throws {
    let card = try run(policy: policy) { $0.inFlightMax = inFlight }
    #expect(card.requests == 150)
    #expect(card.cachedTokens > 0)
  }

  @Test(arguments: [1, 2])
  func aTightPoolPreemptsAndStillFinishes(inFlight: Int) throws {
    let card = try run(policy: "vllm-v1", requests: 200, ratePerS: 40) {
      $0.kvCapacityTokens = 24_000
      $0.inFlightMax = inFlight
      $0.prefixCaching = false
    }
    #expect(card.requests == 200)
    #expect(card.preemptions > 0)
    #expect(card.recomputedTokens > 0)
  }

  @Test(arguments: [1, 2])
  func theExerciserUsesVerbsAndEverythingFinishes(inFlight: Int) throws {
    let card = try run(policy: "exerciser", requests: 80) { $0.inFlightMax = inFlight }
    #expect(card.requests == 80)
    #expect(card.preemptions > 0)
  }

  @Test func theSameSeedGivesTheSameScorecard() throws {
    #expect(try run(policy: "balanced").json == (try run(policy: "balanced").json))
    #expect(try run(policy: "balanced", seed: 2).json != (try run(policy: "balanced").json))
  }
}
