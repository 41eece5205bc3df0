import Glibc
import SchedulerCore
import Testing

@testable import Simulator

/// Against a real vLLM 0.19.0 run of 300 ShareGPT requests (casys-kaist/LLMServingSim, MIT; shared/traces/README.md).
@Suite(.enabled(if: access(TraceData.shareGPT, R_OK) == 0))
struct ValidationTests {
  private func validation() throws -> Validation {
    let profile = try #require(try GPUProfile.bundled("rtxpro6000-llama31-8b"))
    var options = EngineOptions()
    options.stepTokens = 2048
    options.sequences = 128
    let contender = try #require(Contender.baseline("vllm-v1", time: profile.time, mix: .standard))
    return Validation(
      measured: try MeasuredRun(path: TraceData.shareGPT, measurement: "rtxpro6000"), profile: profile,
      options: options, contender: contender)
  }

  /// One constant, fitted on the first 100 requests, predicts all 300.
  @Test func agreesWithTheMeasuredRun() throws {
    let validation = try validation()
    #expect(validation.measured.requests.count == 300)
    let overheadUs = try validation.fitOverheadUs(first: 100)
    let run = try validation.predict(counting: 300, overheadUs: overheadUs)
    for row in run.rows {
      print("\(row.name): measured \(row.measuredMs) ms, predicted \(row.predictedMs) ms, error \(row.error * 100) %")
      #expect(abs(row.error) < 0.05, "\(row.name): \(row.error)")
    }
    print("overhead \(overheadUs) us")
    print("running \(run.meanRunningPerS.map { Int($0) })")
  }
}
