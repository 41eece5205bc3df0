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

  /// 9 of 10 requests have 100 prompt tokens and one has 1,000, at 0.1 ms each: 19 ms on average, and 10 when a tenth
  /// is dropped, which is then the dear one: 100 served and 11.1 dropped.
  @Test func theDearestAreDropped() throws {
    let k = IterationTimeModel.Coefficients(a: 0, b: 0.1, c: 0, d: 0, e: 0)
    let time = IterationTimeModel(form: .linear, decodeOnly: k, withPrefill: k, overheadUs: 0)
    let requests = (0..<100).map { index in
      WorkloadRequest(
        id: "\(index)", arrivalUs: Int64(index), tenant: "t", classIndex: 0,
        promptTokens: index % 10 == 0 ? 1000 : 100, outputTokens: 1)
    }
    let demand = try WorkloadDemand(ListWorkload(requests), classes: 1, prefixCaching: false, time: time)
    let bound = FluidBound(demand: demand, time: time, kvCapacityTokens: 1 << 40)
    let pace = Pace(tpotMs: 20)
    #expect(abs(bound.requestsPerS(pace) - 1000 / 19) < 0.01)
    #expect(abs(bound.requestsPerS(pace, dropped: 0.1) - 1000 / 9) < 0.01)
    #expect(abs(bound.requestsPerS(pace, dropped: 0.05) - 1 / (0.95 * (0.010 * 90 + 0.100 * 5) / 95)) < 0.02)
  }

  /// A quarter at 20 ms, the others at 60. Each request has 10 decodes that cost 1 ms beside prefill and 0.2 ms apart
  /// from it, where a fixed cost of 5 ms counts for nothing: 2.5 x 1 + 7.5 x 0.2 = 4 ms of GPU for each in place of 10.
  @Test func looseClassesMaySitOut() throws {
    let pace = Pace(
      ClassMix(entries: [
        .init(name: "a", share: 1, ttftSLOMs: 1, tpotSLOMs: 20),
        .init(name: "b", share: 2, ttftSLOMs: 1, tpotSLOMs: 60),
        .init(name: "c", share: 1, ttftSLOMs: 1, tpotSLOMs: 30),
      ]))
    #expect(pace == Pace(tpotMs: 20, looseShare: 0.75))
    let mixed = IterationTimeModel.Coefficients(a: 0, b: 0, c: 0, d: 1, e: 0)
    let apart = IterationTimeModel.Coefficients(a: 5, b: 0, c: 0, d: 0.2, e: 0)
    let demand = try WorkloadDemand(Constant(prompt: 100, output: 11), classes: 1, prefixCaching: false)
    let time = IterationTimeModel(form: .linear, decodeOnly: apart, withPrefill: mixed, overheadUs: 0)
    let bound = FluidBound(demand: demand, time: time, kvCapacityTokens: 1 << 40)
    #expect(abs(bound.requestsPerS(pace) - 250) < 0.01)
    #expect(abs(bound.requestsPerS(tpotMs: 20) - 100) < 0.01)
    // Where decodes apart are dearer nobody sits out.
    let other = IterationTimeModel(form: .linear, decodeOnly: mixed, withPrefill: apart, overheadUs: 0)
    let same = FluidBound(demand: demand, time: other, kvCapacityTokens: 1 << 40)
    #expect(abs(same.requestsPerS(pace) - same.requestsPerS(tpotMs: 20)) < 0.01)
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

  /// Figures computed apart from this code: all served, and 1 % dropped.
  @Test(
    .enabled(if: access(TraceData.azure, R_OK) == 0),
    arguments: [
      (Pace(.standard), "h100-llama31-8b", 0, 19.57), (Pace(.standard), "h100-llama31-8b", 0.01, 20.21),
      (Pace(tpotMs: 25), "h100-llama31-8b", 0, 19.10), (Pace(tpotMs: 25), "h100-llama31-8b", 0.01, 19.72),
      (Pace(tpotMs: 50), "h100-llama31-8b", 0, 21.37), (Pace(tpotMs: 50), "h100-llama31-8b", 0.01, 22.06),
      (Pace(.standard), "a100-llama31-8b", 0.05, 7.42),
    ])
  func azureConversationWithClasses(pace: Pace, name: String, dropped: Double, expected: Double) throws {
    let profile = try #require(try GPUProfile.bundled(name))
    var time = profile.time
    time.overheadUs = 2000
    let trace = try TraceWorkload(path: TraceData.azure, mix: .standard, first: 6000)
    let demand = try WorkloadDemand(trace, classes: 3, prefixCaching: false, time: time)
    let bound = FluidBound(demand: demand, time: time, kvCapacityTokens: profile.kvCapacityTokens)
    let rate = bound.requestsPerS(pace, dropped: dropped)
    #expect(abs(rate / expected - 1) < 0.01, "\(rate)")
  }

  /// As above, with short answers.
  @Test(.enabled(if: access(TraceData.serveGen, R_OK) == 0), arguments: [(0, 289.0), (0.01, 328)])
  func serveGenWithClasses(dropped: Double, expected: Double) throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    let trace = try TraceWorkload(path: TraceData.serveGen, mix: .standard)
    let demand = try WorkloadDemand(trace, classes: 3, prefixCaching: false, time: profile.time)
    let bound = FluidBound(demand: demand, time: profile.time, kvCapacityTokens: profile.kvCapacityTokens)
    let rate = bound.requestsPerS(Pace(.standard), dropped: dropped)
    #expect(abs(rate / expected - 1) < 0.01, "\(rate)")
  }
}
