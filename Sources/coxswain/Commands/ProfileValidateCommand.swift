import ArgumentParser
import Simulator

struct ProfileValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Hold a profile against a run of a real engine.",
    discussion: """
      The run is a file of JSON lines with timestamp, input_length, output_length, hash_ids, output_hash_ids (blocks of 16
      tokens) and one member with what was measured: queued_ms, ttft_ms, e2e_ms. The one free constant, the engine's
      overhead per step, is fitted to the mean TPOT of the first requests, unless it is given; then all are predicted.

      EXAMPLES
        coxswain profile validate rtxpro6000-llama31-8b --run sharegpt300.jsonl.gz --measurement rtxpro6000
        coxswain profile validate rtx4090.json --run measured.jsonl --measurement rtx4090 --engine-overhead-ms 1.15
      """)

  @Argument(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile")) var profile: String
  @Option(name: .customLong("run"), help: ArgumentHelp("Requests with what was measured of them.", valueName: "file"))
  var runPath: String
  @Option(help: ArgumentHelp("Member of each line that holds the measurement.", valueName: "name"))
  var measurement = "rtxpro6000"
  @Option(help: ArgumentHelp("Requests that the constant is fitted on.", valueName: "n")) var fitFirst = 100
  @Option(help: ArgumentHelp("Engine time per step; nothing is fitted then.", valueName: "x"))
  var engineOverheadMs: Double?
  @Option(help: ArgumentHelp("Scheduler of the run.", valueName: "name")) var baseline = "vllm-v1"
  @Option(help: ArgumentHelp("KV cache in tokens in place of the profile's.", valueName: "n")) var kvTokens: Int?
  @Option(help: ArgumentHelp("Tokens per iteration in place of the profile's.", valueName: "n")) var stepTokens: Int?
  @Option(help: ArgumentHelp("Running requests in place of the profile's.", valueName: "n")) var sequences: Int?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [
      ("--kv-tokens", kvTokens), ("--step-tokens", stepTokens), ("--sequences", sequences), ("--fit-first", fitFirst),
    ] {
      if let value, value < 1 { throw ValidationError("\(name) \(value): expected at least 1") }
    }
    if let engineOverheadMs, !EngineLimitOptions.overheadRangeMs.contains(engineOverheadMs) {
      throw ValidationError("--engine-overhead-ms \(engineOverheadMs): expected \(EngineLimitOptions.overheadRangeMs)")
    }
    guard Contender.baselineNames.contains(baseline) else {
      throw ValidationError(
        "--baseline \(baseline): expected one of \(Contender.baselineNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    let profile = try ProfileArgument.load(profile)
    var options = EngineOptions()
    options.kvCapacityTokens = kvTokens
    options.stepTokens = stepTokens
    options.sequences = sequences
    guard let contender = Contender.baseline(baseline, time: profile.time, mix: .standard) else {
      throw CommandFailure(.failed, "no baseline \(baseline)")
    }
    let measured: MeasuredRun
    do throws(WorkloadError) { measured = try MeasuredRun(path: runPath, measurement: measurement) } catch {
      throw CommandFailure(.failed, error.description)
    }
    let validation = Validation(measured: measured, profile: profile, options: options, contender: contender)
    let result: ValidationRun
    do throws(EngineRunError) {
      let overheadUs: Int
      if let engineOverheadMs {
        overheadUs = Int(engineOverheadMs * 1000 + 0.5)
      } else {
        overheadUs = try validation.fitOverheadUs(first: fitFirst)
      }
      result = try validation.predict(counting: measured.requests.count, overheadUs: overheadUs)
    } catch { throw CommandFailure(.failed, error.description) }
    if output.isJSON { return try StandardOutput.document(result.json) }
    try StandardOutput.line(result.table)
  }
}
