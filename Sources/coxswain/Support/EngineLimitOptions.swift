import ArgumentParser
import Simulator

/// Limits and times of the simulated engine in place of the profile's.
struct EngineLimitOptions: ParsableArguments {
  static let overheadRangeMs = 0.0...1000.0

  @Option(help: ArgumentHelp("Engine time per step in place of the profile's.", valueName: "x"))
  var engineOverheadMs: Double?
  @Option(help: ArgumentHelp("KV cache in tokens in place of the profile's.", valueName: "n")) var kvTokens: Int?
  @Option(help: ArgumentHelp("Tokens per iteration in place of the profile's.", valueName: "n")) var stepTokens: Int?
  @Option(help: ArgumentHelp("Running requests in place of the profile's.", valueName: "n")) var sequences: Int?
  @Option(help: ArgumentHelp("Plans in flight: 1 synchronous, 2 or 3 asynchronous.", valueName: "n"))
  var inFlight: Int?

  func validate() throws {
    for (name, value) in [("--kv-tokens", kvTokens), ("--step-tokens", stepTokens), ("--sequences", sequences)] {
      if let value, value < 1 { throw ValidationError("\(name) \(value): expected at least 1") }
    }
    if let inFlight, !EngineCommand.inFlightRange.contains(inFlight) {
      throw ValidationError("--in-flight \(inFlight): expected \(EngineCommand.inFlightRange)")
    }
    if let engineOverheadMs, !Self.overheadRangeMs.contains(engineOverheadMs) {
      throw ValidationError("--engine-overhead-ms \(engineOverheadMs): expected \(Self.overheadRangeMs)")
    }
  }

  /// What was not given stays as it is.
  func apply(to options: inout EngineOptions) {
    options.inFlightMax = inFlight ?? options.inFlightMax
    options.kvCapacityTokens = kvTokens ?? options.kvCapacityTokens
    options.stepTokens = stepTokens ?? options.stepTokens
    options.sequences = sequences ?? options.sequences
    options.overheadUs = engineOverheadMs.map { Int($0 * 1000 + 0.5) } ?? options.overheadUs
  }
}
