import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Needs GLPK's glpsol.
@Suite(.enabled(if: SolverData.isInstalled))
struct TimeIndexedBoundTests {
  private func request(_ arrivalMs: Int, prompt: Int, output: Int, class index: Int = 0) -> WorkloadRequest {
    WorkloadRequest(
      id: "\(arrivalMs)", arrivalUs: Int64(arrivalMs) * 1000, tenant: "t", classIndex: index, promptTokens: prompt,
      outputTokens: output)
  }

  private func mix(ttftMs: Int, tpotMs: Int) -> ClassMix {
    ClassMix(entries: [.init(name: "a", share: 1, ttftSLOMs: ttftMs, tpotSLOMs: tpotMs)])
  }

  private func time(_ k: IterationTimeModel.Coefficients, overheadUs: Int = 0) -> IterationTimeModel {
    IterationTimeModel(form: .linear, decodeOnly: k, withPrefill: k, overheadUs: overheadUs)
  }

  private func good(
    _ requests: [WorkloadRequest], _ mix: ClassMix, _ time: IterationTimeModel, stepTokens: Int = 1 << 20
  ) throws -> Double {
    try TimeIndexedBound(requests: requests, mix: mix, time: time, stepTokens: stepTokens).goodRequests()
  }

  /// 1 ms a prompt token, first tokens within 200 ms: of three prompts of 100 tokens at once two are served; one that
  /// comes 100 ms later has a slot more.
  @Test func promptsByHand() throws {
    let time = time(.init(a: 0, b: 1, c: 0, d: 0, e: 0))
    let mix = mix(ttftMs: 200, tpotMs: 50)
    let three = [0, 0, 0].map { request($0, prompt: 100, output: 1) }
    #expect(abs(try good(three, mix, time) - 2) < 1e-6)
    #expect(abs(try good(three + [request(100, prompt: 100, output: 1)], mix, time) - 3) < 1e-6)
    // Of one long and two short prompts the short ones are taken, and half of the long one.
    let mixed = [
      request(0, prompt: 200, output: 1), request(0, prompt: 50, output: 1), request(0, prompt: 50, output: 1),
    ]
    #expect(abs(try good(mixed, mix, time) - 2.5) < 1e-6)
    // An iteration of 50 tokens that costs 50 ms beside its tokens halves what can be done.
    let fixed = self.time(.init(a: 50, b: 1, c: 0, d: 0, e: 0))
    #expect(abs(try good(three, mix, fixed, stepTokens: 50) - 1) < 1e-6)
  }

  /// 20 decodes at 10 ms each, due every 10 ms after a first token within 100 ms: 300 ms hold 30 of them. The classes'
  /// weights choose who is served.
  @Test func decodesByHand() throws {
    let time = time(.init(a: 0, b: 0, c: 0, d: 10, e: 0))
    let two = [request(0, prompt: 1, output: 21), request(0, prompt: 1, output: 21, class: 1)]
    let both = ClassMix(entries: [
      .init(name: "a", share: 1, ttftSLOMs: 100, tpotSLOMs: 10),
      .init(name: "b", share: 1, ttftSLOMs: 100, tpotSLOMs: 10),
    ])
    #expect(abs(try good(two, both, time) - 1.5) < 1e-6)
    let weighted = TimeIndexedBound(requests: two, mix: both, time: time, stepTokens: 100, weights: [1, 4])
    #expect(abs(try weighted.goodRequests() - 4.5) < 1e-6)
    // An iteration costs 20 ms: 15 fit into 300 ms, so 15 / 20 of everybody's tokens.
    let fixed = self.time(.init(a: 20, b: 0, c: 0, d: 0, e: 0))
    #expect(abs(try good(two, both, fixed) - 1.5) < 1e-6)
  }

  @Test func nothingIsBoundedByNothing() throws {
    #expect(try good([], mix(ttftMs: 1, tpotMs: 1), time(.init(a: 1, b: 1, c: 0, d: 0, e: 0))) == 0)
  }

  /// No policy serves more within its SLO than the bound says, at loads from light to hopeless.
  @Test(arguments: [10.0, 25, 60])
  func noPolicyIsAbove(ratePerS: Double) throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    var requests: [WorkloadRequest] = []
    var workload = GeneratedWorkload(requests: 150, ratePerS: ratePerS, mix: .standard, seed: 11)
    while let request = workload.next() { requests.append(request) }
    let bound = try TimeIndexedBound(
      requests: requests, mix: .standard, time: profile.time, stepTokens: profile.stepTokens
    ).goodRequests()
    #expect(bound <= 150 + 1e-6)
    for name in ["vllm-v1", "vllm-v1-priority", "sarathi"] {
      let contender = try #require(Contender.baseline(name, time: profile.time, mix: .standard))
      var engine = ReferenceEngine(
        profile: profile, options: EngineOptions(), mix: .standard, workload: ListWorkload(requests),
        link: contender.link(time: profile.time))
      let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
      #expect(card.withinSLORatio * 150 <= bound + 1e-6, "\(name): \(card.withinSLORatio * 150) above \(bound)")
    }
  }

  /// Under a steady overload both bounds say the same, but for the start and the end: requests of one length, four
  /// times as many as fit, both kinds of iterations alike.
  @Test func aSteadyLoadIsTheFluidBounds() throws {
    let time = time(.init(a: 3, b: 0.02, c: 0, d: 0.02, e: 0.00001), overheadUs: 1000)
    let mix = mix(ttftMs: 300, tpotMs: 25)
    let requests = (0..<600).map { request($0 * 20, prompt: 1000, output: 21) }
    let demand = try WorkloadDemand(ListWorkload(requests), classes: 1, prefixCaching: false)
    let fluid = FluidBound(demand: demand, time: time, kvCapacityTokens: 1 << 40).requestsPerS(tpotMs: 25)
    let good = try good(requests, mix, time)
    // 12 s of arrivals; the last ones have 0.8 s more.
    #expect(good <= fluid * 12.8 * 1.1, "\(good) against \(fluid * 12.8)")
    #expect(good >= fluid * 11, "\(good) against \(fluid * 12)")
  }
}
