import Glibc
import SchedulerCore
import Testing

@testable import Simulator

/// Our own vLLM-V1-like replay, written apart from this code, on the first 6,000 requests of the Azure conversation
/// trace (shared/profiles/baseline_vllmv1like_azure_conv_h100_8b.jsonl).
@Suite(.enabled(if: access(TraceData.azure, R_OK) == 0))
struct AzureBaselineTests {
  struct Case: Sendable {
    var speedUp: Double
    var stepTokens: Int
    var sequences: Int
    var withinSLO: Double
    var ttftMs: Double
    var iterations: Int
  }

  /// The other rows agree as well (Docs/simulation.md); this one is short.
  @Test(arguments: [
    Case(speedUp: 4, stepTokens: 2048, sequences: 256, withinSLO: 0.7225, ttftMs: 179.7, iterations: 8883)
  ])
  func reproducesTheReplay(expected: Case) throws {
    let mix = ClassMix(entries: [.init(name: "all", share: 1, ttftSLOMs: 1000, tpotSLOMs: 50)])
    var options = EngineOptions()
    options.overheadUs = 2000
    options.stepTokens = expected.stepTokens
    options.sequences = expected.sequences
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    let source = WorkloadSource(.trace(path: TraceData.azure, first: 6000), mix: mix, seed: 1)
    let simulation = try Simulation(profile: profile, options: options, source: source, rateScale: expected.speedUp)
    let contender = try #require(Contender.baseline("vllm-v1", time: profile.time, mix: mix))
    let run = try simulation.run(contender, clock: { 0 }, onProgress: { _ in true })
    #expect(abs(run.scorecard.withinSLORatio - expected.withinSLO) < 0.01, "\(run.scorecard.withinSLORatio)")
    let ttftMs = Double(run.scorecard.all.ttftUs.quantile(0.5)) / 1000
    #expect(abs(ttftMs / expected.ttftMs - 1) < 0.03, "\(ttftMs)")
    #expect(abs(Double(run.scorecard.iterations) / Double(expected.iterations) - 1) < 0.01)
  }
}
