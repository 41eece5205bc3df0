import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Dropping the tail in whole runs of the reference engine, which checks every plan.
struct TruncationRunTests {
  private func run(truncates: Bool, strategy: PolicyConfig.BatchStrategy, inFlight: Int) throws -> Scorecard {
    let profile = try #require(try GPUProfile.bundled("rtxpro6000-llama31-8b"))
    var policy = try #require(PolicyDocument.preset("vllm-v1")).config
    policy.batchStrategy = strategy
    policy.victimOrder = .cost
    policy.preemption = PreemptionRules(means: .cost, restPlans: 8)
    var options = EngineOptions()
    options.kvCapacityTokens = 6_000
    options.prefixCaching = false
    options.inFlightMax = inFlight
    if !truncates { options.capabilities.remove(.truncate) }
    let requests = (0..<120).map { index in
      WorkloadRequest(
        id: "\(index)", arrivalUs: Int64(index) * 200_000, tenant: "t", classIndex: 1,
        promptTokens: 100 + index * 37 % 900, outputTokens: 50 + index * 53 % 350)
    }
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: ListWorkload(requests),
      link: CoreLink(policy: policy))
    return try engine.run(clock: { 0 }, onProgress: { _ in true })
  }

  @Test(
    arguments: [PolicyConfig.BatchStrategy.continuous, .decodeFirst, .decodeMaximal, .sliceLevel], [1, 2])
  func lessIsComputedAgain(strategy: PolicyConfig.BatchStrategy, inFlight: Int) throws {
    let whole = try run(truncates: false, strategy: strategy, inFlight: inFlight)
    let cut = try run(truncates: true, strategy: strategy, inFlight: inFlight)
    #expect(whole.requests == 120 && cut.requests == 120)
    #expect(whole.recomputedTokens > 5_000)
    #expect(Double(cut.recomputedTokens) < 0.5 * Double(whole.recomputedTokens), "\(strategy) \(inFlight)")
  }
}
