import Policy
import SchedulerCore
import Testing

@testable import Simulator

/// Two engines, mixed and with roles, simulated on both sides of the crossover: the planner picks what serves more.
struct RoleCrossoverTests {
  struct Case: Sendable {
    var prompt: Int
    var output: Int
    var ratePerS: Double
    var tpotMs: Int
    var seed: UInt64
    var prefillEngines: Int
  }

  static let ttftMs = 2_000
  static let bytesPerS = 50_000_000_000

  /// Poisson arrivals, lengths within a quarter of their mean.
  private func requests(_ it: Case, count: Int) -> [WorkloadRequest] {
    var random = SeededRandom(seed: it.seed)
    var nowS = 0.0
    return (0..<count).map { index in
      nowS += random.exponential(mean: 1 / it.ratePerS)
      func length(_ mean: Int) -> Int { Int(Double(mean) * (0.75 + random.unit() / 2)) }
      return WorkloadRequest(
        id: "r\(index)", arrivalUs: Int64(nowS * 1_000_000), tenant: "t", classIndex: 0,
        promptTokens: length(it.prompt), outputTokens: length(it.output))
    }
  }

  private func inSLO(_ it: Case, _ profile: GPUProfile, roles: [EngineRole]) throws -> Double {
    let mix = ClassMix(entries: [.init(name: "u", share: 1, ttftSLOMs: Self.ttftMs, tpotSLOMs: it.tpotMs)])
    let policy = try #require(PolicyDocument.preset("vllm-v1")).config
    let engines = roles.map { role in
      var options = EngineOptions()
      options.role = role
      return ReferenceEngine(
        profile: profile, options: options, mix: mix, workload: ListWorkload([]), link: CoreLink(policy: policy))
    }
    var loop = EngineLoop(
      engines: engines, workload: ListWorkload(requests(it, count: 400)), router: LeastLoadedRouter(),
      transferBytesPerS: Double(Self.bytesPerS))
    return try loop.run(clock: { 0 }, onProgress: { _ in true }).withinSLORatio
  }

  @Test(arguments: [
    Case(prompt: 3_000, output: 150, ratePerS: 14, tpotMs: 20, seed: 1, prefillEngines: 1),
    Case(prompt: 3_000, output: 150, ratePerS: 14, tpotMs: 20, seed: 2, prefillEngines: 1),
    Case(prompt: 6_000, output: 20, ratePerS: 9, tpotMs: 200, seed: 6, prefillEngines: 0),
  ])
  func thePlannerPicksTheBetter(it: Case) throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    let mixed = try inSLO(it, profile, roles: [.both, .both])
    let divided = try inSLO(it, profile, roles: [.prefill, .decode])
    var planner = RolePlanner(
      engine: RoleEngine(
        time: profile.time, kvCapacityTokens: profile.kvCapacityTokens, kvBytesPerToken: profile.kvBytesPerToken,
        transferBytesPerS: Self.bytesPerS, isPaced: false), engines: 2)
    let decision = planner.decide(
      RoleLoad(
        requestsPerKiloS: Int(it.ratePerS * 1_000), promptTokens: it.prompt, outputTokens: it.output,
        shortOutputTokens: it.output * 3 / 4, ttftSLOUs: Self.ttftMs * 1_000, tpotSLOUs: it.tpotMs * 1_000), nowUs: 0)
    let figures: Comment = "seed \(it.seed): in SLO \(mixed) mixed, \(divided) divided; \(decision.description)"
    #expect(decision.prefillEngines == it.prefillEngines, figures)
    #expect(it.prefillEngines == 1 ? divided > mixed + 0.1 : mixed > divided + 0.1, figures)
  }
}
