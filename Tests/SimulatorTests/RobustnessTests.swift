import SchedulerCore
import Testing

@testable import Simulator

struct RobustnessTests {
  @Test func claimsHoldInEveryRowAndFlipsDoNot() {
    let robustness = Robustness(
      policies: ["a", "b", "c"],
      rows: [
        .init(distortion: nil, merits: [10, 9, 9.01]), .init(distortion: .dearMixed, merits: [8, 7, 8.2]),
        .init(distortion: .cheapMixed, merits: [12, 10, 11]),
      ])
    #expect(robustness.claims.map { "\($0.better)>\($0.worse)" } == ["a>b"])
    #expect(robustness.flips.map { "\($0.better)>\($0.worse)" } == ["a>c"])
    #expect(robustness.text.contains("a beats b in every row"))
    #expect(robustness.text.contains("no claim: a beats c"))
    #expect(robustness.json["rows"]?[1]?["requests_per_s"]?["c"] == .number(8.2))
    #expect(robustness.json["flips"]?[0]?["worse"] == "c")
  }

  @Test func distortionsChangeTheTruthAndTheBound() throws {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    let source = WorkloadSource(.generated(requests: 60, ratePerS: 10), mix: .standard, seed: 3)
    let plain = try Simulation(profile: profile, options: EngineOptions(), source: source, rateScale: 1)
    let contender = try #require(Contender.baseline("vllm-v1", time: profile.time, mix: .standard))
    func ttft(_ simulation: Simulation) throws -> Double {
      try simulation.run(contender, clock: { 0 }, onProgress: { _ in true }).scorecard.all.ttftUs.mean
    }
    let middle = try ttft(plain)
    let dear = plain.distorted(.dearMixed)
    #expect(dear.boundRequestsPerS < plain.boundRequestsPerS)
    #expect(try ttft(dear) > 1.2 * middle)
    #expect(try ttft(plain.distorted(.cheapMixed)) < 0.8 * middle)
    #expect(try ttft(plain.distorted(.highOverhead)) > middle)
    #expect(plain.distorted(.lowOverhead).profile.time.overheadUs == plain.profile.time.overheadUs / 2)
  }
}
