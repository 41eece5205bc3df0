import ArgumentParser
import Glibc
import Simulator
import WireProtocol

struct SimulateCommand: ParsableCommand {
  enum Sweep: String, CaseIterable, ExpressibleByArgument {
    case rate
  }

  static let overheadRangeMs = 0.0...1000.0

  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Simulate policies on a trace and a GPU profile, against baselines and a bound.",
    discussion: """
      The scheduler is the sidecar's own, in process; time is virtual. Ctrl-C prints what is known so far.

      EXAMPLES
        coxswain simulate --trace azure_2023_conv.csv --first 6000 --rate-scale 3
        coxswain simulate --trace conv.csv --baseline vllm-v1 --baseline sarathi --report report.html
        coxswain simulate --policy my.json --baseline vllm-v1 --sweep rate -o json
      """)

  @OptionGroup var load: WorkloadOptions
  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Policy file or preset; default: the sidecar's, unless baselines are named."))
  var policy: String?
  @Option(
    help: ArgumentHelp(
      "Compare with a scheduler of today: \(Contender.baselineNames.joined(separator: ", ")).", valueName: "name"))
  var baseline: [String] = []
  @Option(help: "Find the capacity: the largest rate with 99 % of every class within its SLO.") var sweep: Sweep?
  @Option(help: ArgumentHelp("Write a page with plots.", valueName: "file.html")) var report: String?
  @Option(help: ArgumentHelp("Engine time per step in place of the profile's.", valueName: "x"))
  var engineOverheadMs: Double?
  @Option(help: ArgumentHelp("KV cache in tokens in place of the profile's.", valueName: "n")) var kvTokens: Int?
  @Option(help: ArgumentHelp("Tokens per iteration in place of the profile's.", valueName: "n")) var stepTokens: Int?
  @Option(help: ArgumentHelp("Running requests in place of the profile's.", valueName: "n")) var sequences: Int?
  @Option(help: ArgumentHelp("Plans in flight: 1 synchronous, 2 or 3 asynchronous.", valueName: "n")) var inFlight = 1
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [("--kv-tokens", kvTokens), ("--step-tokens", stepTokens), ("--sequences", sequences)] {
      if let value, value < 1 { throw ValidationError("\(name) \(value): expected at least 1") }
    }
    guard EngineCommand.inFlightRange.contains(inFlight) else {
      throw ValidationError("--in-flight \(inFlight): expected \(EngineCommand.inFlightRange)")
    }
    if let engineOverheadMs, !Self.overheadRangeMs.contains(engineOverheadMs) {
      throw ValidationError("--engine-overhead-ms \(engineOverheadMs): expected \(Self.overheadRangeMs)")
    }
    for name in baseline where !Contender.baselineNames.contains(name) {
      throw ValidationError(
        "--baseline \(name): expected one of \(Contender.baselineNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    let simulation = try simulation()
    let contenders = try contenders(simulation)
    let signals = try SignalPipe()
    var bar = ProgressBar()
    var runs: [SimulationRun] = []
    for contender in contenders {
      let result = Result { () throws(EngineRunError) in
        try simulate(simulation, contender) { name, progress in
          bar.show(
            done: progress.finishedRequests, total: progress.totalRequests, unit: "requests", note: name,
            elapsedUs: progress.wallUs)
          return !signals.drain().contains { $0 != SIGWINCH }
        }
      }
      bar.finish()
      do throws(EngineRunError) { runs.append(try result.get()) } catch {
        throw CommandFailure(.failed, "\(contender.name): \(error.description)")
      }
      if runs.last?.isComplete == false || runs.last?.sweep?.isComplete == false { break }
    }
    try show(simulation, runs)
  }

  private func simulation() throws(CommandFailure) -> Simulation {
    var options = EngineOptions()
    options.inFlightMax = inFlight
    options.kvCapacityTokens = kvTokens
    options.stepTokens = stepTokens
    options.sequences = sequences
    options.overheadUs = engineOverheadMs.map { Int($0 * 1000 + 0.5) }
    let profile = try ProfileArgument.load(profile)
    let source = load.source(try load.mix())
    do throws(WorkloadError) {
      return try Simulation(profile: profile, options: options, source: source, rateScale: load.rateScale)
    } catch { throw CommandFailure(.failed, error.description) }
  }

  /// The policy first, then the baselines, each once.
  private func contenders(_ simulation: Simulation) throws(CommandFailure) -> [Contender] {
    var contenders: [Contender] = []
    if policy != nil || baseline.isEmpty {
      contenders.append(Contender(policy: try PolicyArgument.load(policy).config))
    }
    for name in baseline where !contenders.contains(where: { $0.name == name }) {
      if let contender = Contender.baseline(name, time: simulation.profile.time, mix: simulation.source.mix) {
        contenders.append(contender)
      }
    }
    return contenders
  }

  private func simulate(
    _ simulation: Simulation, _ contender: Contender, onProgress: (String, RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    var run = try simulation.run(contender, clock: MonotonicClock.nowNs) { onProgress(contender.name, $0) }
    if sweep != nil, run.isComplete {
      run.sweep = try simulation.sweepRate(contender, clock: MonotonicClock.nowNs) { number, progress in
        onProgress("\(contender.name), capacity \(number)/\(RateSweep.runs)", progress)
      }
    }
    return run
  }

  private func show(_ simulation: Simulation, _ runs: [SimulationRun]) throws(CommandFailure) {
    if let report {
      try OutputFile.write(SimulationReport(simulation: simulation, runs: runs).html, to: report)
      StandardError.line("report: \(report)")
    }
    if output.isJSON { return try StandardOutput.document(["runs": .array(runs.map(\.json))]) }
    try StandardOutput.line(SimulationTable.text(runs))
  }
}
