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
      #expect(abs(row.error) < 0.05, "\(row.name): \(row.error), overhead \(overheadUs) us")
    }
    let measured = try Self.measuredRunning()
    // The series is sampled at the end of each second; the timeline has means over seconds.
    let means = run.meanRunningPerS + [0]
    let predicted = measured.indices.map { $0 + 1 < means.count ? (means[$0] + means[$0 + 1]) / 2 : 0 }
    let difference = zip(measured, predicted).reduce(0) { $0 + abs($1.0 - $1.1) }
    #expect(difference < 0.1 * measured.reduce(0, +))
  }

  /// The same with a profile made of the kernels that were measured on that GPU.
  @Test(.enabled(if: access(TraceData.kernels, R_OK) == 0))
  func agreesWithAnImportedProfile() throws {
    var importOptions = ProfileImportOptions()
    importOptions.kvTokens = 535_000
    let profile = try ProfileImport(
      folder: TraceData.kernels + "llama-3.1-8b-bf16-tp1", options: importOptions
    ).profile
    let bundled = try validation()
    let validation = Validation(
      measured: bundled.measured, profile: profile, options: bundled.options, contender: bundled.contender)
    let overheadUs = try validation.fitOverheadUs(first: 100)
    #expect(abs(overheadUs - ProfileImportOptions().overheadUs) <= 50, "\(overheadUs)")
    let run = try validation.predict(counting: 300, overheadUs: overheadUs)
    for row in run.rows {
      #expect(abs(row.error) < 0.05, "\(row.name): \(row.error), overhead \(overheadUs) us")
    }
  }

  /// Requests running in the measured run, each second.
  private static func measuredRunning() throws -> [Double] {
    let reader = try LineReader(TraceData.measuredSeries)
    #expect(try reader.next() == "t,prompt_throughput,gen_throughput,running,waiting,kv_cache_pct")
    var running: [Double] = []
    while let line = try reader.next() { running.append(try #require(Double(line.split(separator: ",")[3]))) }
    return running
  }
}
