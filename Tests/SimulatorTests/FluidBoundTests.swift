import Glibc
import SchedulerCore
import Testing

@testable import Simulator

struct FluidBoundTests {
  private struct Constant: Workload {
    var totalRequests: Int? { 1000 }
    var made = 0
    var prompt: Int
    var output: Int
    var prefix: [UInt64] = []

    mutating func next() -> WorkloadRequest? {
      guard made < 1000 else { return nil }
      made += 1
      var request = WorkloadRequest(
        id: "r-\(made)", arrivalUs: Int64(made) * 100_000, tenant: "t", classIndex: 0, promptTokens: prompt,
        outputTokens: output)
      request.prefixBlocks = prefix
      return request
    }
  }

  private func bound(
    _ k: IterationTimeModel.Coefficients, _ workload: Constant, kvTokens: Int = 1 << 40, prefixCaching: Bool = false
  ) throws -> FluidBound {
    FluidBound(
      demand: try WorkloadDemand(workload, classes: 1, prefixCaching: prefixCaching),
      time: IterationTimeModel(form: .linear, decodeOnly: k, withPrefill: k, overheadUs: 0), kvCapacityTokens: kvTokens)
  }

  /// 100 prompt tokens at 0.1 ms each and nothing else: 10 ms of GPU per request, 100 requests per second; a fixed cost
  /// of 5 ms in iterations of at most 20 ms leaves three quarters of that.
  @Test func onlyPrefill() throws {
    let k = IterationTimeModel.Coefficients(a: 0, b: 0.1, c: 0, d: 0, e: 0)
    let workload = Constant(prompt: 100, output: 1)
    #expect(abs(try bound(k, workload).requestsPerS(tpotMs: 20) - 100) < 0.01)
    var fixed = k
    fixed.a = 5
    #expect(abs(try bound(fixed, workload).requestsPerS(tpotMs: 20) - 75) < 0.01)
  }

  /// 10 decode steps over contexts 100 to 109 and 1 ms each: 10 ms of GPU per request; an iteration of 20 ms holds 20
  /// decodes of about 105.5 tokens of context, so 1,055 tokens of KV halve it.
  @Test func decodesAndKV() throws {
    let k = IterationTimeModel.Coefficients(a: 0, b: 0, c: 0, d: 1, e: 0)
    let workload = Constant(prompt: 100, output: 11)
    #expect(abs(try bound(k, workload).requestsPerS(tpotMs: 20) - 100) < 0.01)
    var slow = k
    slow.a = 10
    // Half of 20 ms is fixed; the KV for 5 decodes is there: 5 decodes per 20 ms, or as many in shorter iterations.
    let tight = try bound(slow, workload, kvTokens: 528).requestsPerS(tpotMs: 20)
    #expect(abs(tight - 33.3) < 0.1)
  }

  @Test func sharedPrefixesAreComputedOnce() throws {
    let k = IterationTimeModel.Coefficients(a: 0, b: 0.1, c: 0, d: 0, e: 0)
    let workload = Constant(prompt: 100, output: 1, prefix: [1, 2, 3])
    let rate = try bound(k, workload, prefixCaching: true).requestsPerS(tpotMs: 20)
    // 52 new tokens, and 48 more for the first request only.
    #expect(abs(rate - 1000 / (0.1 * (52 + 0.048))) < 0.01)
  }

  /// Our own figures, computed apart from this code (shared/profiles/fluid_bounds_azure_conv.json).
  @Test(
    .enabled(if: access(TraceData.azure, R_OK) == 0),
    arguments: [(0, 25, 21.0), (2000, 25, 19.1), (2000, 100, 21.8)])
  func azureConversation(overheadUs: Int, tpotMs: Int, expected: Double) throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    var time = profile.time
    time.overheadUs = overheadUs
    let trace = try TraceWorkload(path: TraceData.azure, mix: .standard, first: 6000)
    let demand = try WorkloadDemand(trace, classes: 3, prefixCaching: false)
    let bound = FluidBound(demand: demand, time: time, kvCapacityTokens: profile.kvCapacityTokens)
    let rate = bound.requestsPerS(tpotMs: Double(tpotMs))
    #expect(abs(rate / expected - 1) < 0.01, "\(rate)")
  }
}
