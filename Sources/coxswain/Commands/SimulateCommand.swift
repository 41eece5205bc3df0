import ArgumentParser
import Glibc
import Simulator
import WireProtocol

struct SimulateCommand: ParsableCommand {
  static let tailRangeS = 0.0...1e7
  static let priceRange = 0.0...1e6
  /// A report searches for the capacity unless that would take all day.
  static let reportSweepRequestsMax = 50_000

  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Simulate policies on a trace and a GPU profile, against baselines and a bound.",
    discussion: """
      The scheduler is the sidecar's own, in process; time is virtual. Ctrl-C prints what is known so far.

      EXAMPLES
        coxswain simulate --trace azure_2023_conv.csv --first 6000 --rate-scale 3
        coxswain simulate --trace conv.csv --baseline vllm-v1 --baseline sarathi --report report.html
        coxswain simulate --policy my.json --baseline vllm-v1 --sweep rate -o json
        coxswain simulate --trace mooncake.jsonl.gz --instances 4 --router affinity
        coxswain simulate --lengths 3000:150 --rate 14 --baseline vllm-v1 --instances 2 --roles auto --link-gb-s 25
      """)

  @OptionGroup var load: WorkloadOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var features: EngineFeatureOptions
  @Option(help: ArgumentHelp("Policy file or preset; default: the sidecar's, balanced, unless baselines are named."))
  var policy: String?
  @Option(
    help: ArgumentHelp(
      "Compare with a scheduler of today: \(Contender.baselineNames.joined(separator: ", ")).", valueName: "name"))
  var baseline: [String] = []
  @Option(
    help: ArgumentHelp(
      "Find the capacity: the largest rate with 99 % of every class within its SLO; strict-rate: and of its gaps.",
      valueName: "rate|strict-rate"))
  var sweep: RateSweep.Criterion?
  @Option(help: ArgumentHelp("Requests that arrive in the last so many seconds are not counted.", valueName: "x"))
  var uncountedTailS: Double?
  @Option(help: ArgumentHelp("Write a page with plots, capacities among them.", valueName: "file.html"))
  var report: String?
  @Option(help: ArgumentHelp("Price of one instance's GPUs per hour, in dollars.", valueName: "x"))
  var gpuPricePerHour: Double?
  @OptionGroup var limits: EngineLimitOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let uncountedTailS, !Self.tailRangeS.contains(uncountedTailS) {
      throw ValidationError("--uncounted-tail-s \(uncountedTailS): expected \(Self.tailRangeS)")
    }
    if let gpuPricePerHour, !Self.priceRange.contains(gpuPricePerHour) {
      throw ValidationError("--gpu-price-per-hour \(gpuPricePerHour): expected \(Self.priceRange)")
    }
    for name in baseline where !Contender.baselineNames.contains(name) {
      throw ValidationError(
        "--baseline \(name): expected one of \(Contender.baselineNames.joined(separator: ", "))")
    }
  }

  func run() throws {
    if let report { try OutputFile.check(report) }
    let simulation = try simulation()
    let contenders = try contenders(simulation)
    let signals = try SignalPipe()
    let meter = RunMeter(runs: contenders.count * stages(simulation))
    let runs = try self.runs(simulation, contenders, signals, meter)
    meter.finish()
    try show(simulation, runs)
  }

  /// Every contender in turn; fewer when the user interrupts.
  private func runs(
    _ simulation: Simulation, _ contenders: [Contender], _ signals: borrowing SignalPipe, _ meter: RunMeter
  ) throws(CommandFailure) -> [SimulationRun] {
    var runs: [SimulationRun] = []
    for contender in contenders {
      do throws(EngineRunError) {
        runs.append(
          try simulate(simulation, contender) { name, progress in
            meter.show(name, progress)
            return !signals.drain().contains { $0 != SIGWINCH }
          })
      } catch {
        meter.finish()
        throw CommandFailure(.failed, "\(contender.name): \(error.description)")
      }
      meter.next(stages(simulation))
      if runs.last?.isFinished == false { break }
    }
    return runs
  }

  /// What is searched for: what was asked for, and what a report shows.
  private func criterion(_ simulation: Simulation) -> RateSweep.Criterion? {
    sweep ?? (report != nil && simulation.demand.requests <= Self.reportSweepRequestsMax ? .rate : nil)
  }

  /// Runs of each contender.
  private func stages(_ simulation: Simulation) -> Int {
    guard criterion(simulation) != nil else { return 1 }
    return 1 + RateSweep.runs + (report == nil ? 0 : RateSweep.curveShares.count)
  }

  private func simulation() throws(CommandFailure) -> Simulation {
    var options = EngineOptions()
    limits.apply(to: &options)
    features.apply(to: &options)
    let instances = try cluster.load()
    let events = try cluster.scriptedEvents(instances: instances.instances.count)
    var source = load.source(try load.mix())
    source.adapters = features.adapters
    do throws(WorkloadError) {
      var simulation = try Simulation(
        cluster: instances, options: options, source: source, rateScale: load.rateScale)
      simulation.events = events
      simulation.uncountedTailUs = uncountedTailS.map { Int64($0 * 1_000_000) }
      simulation.pricePerHour = gpuPricePerHour
      return simulation
    } catch { throw CommandFailure(.failed, error.description) }
  }

  /// The policy first, then the baselines, each once.
  private func contenders(_ simulation: Simulation) throws(CommandFailure) -> [Contender] {
    var contenders: [Contender] = []
    if policy != nil || baseline.isEmpty {
      let policy = try PolicyArgument.load(policy).config
      contenders.append(Contender(policy: policy, time: simulation.profile.time))
    }
    for name in baseline where !contenders.contains(where: { $0.name == name }) {
      if let contender = Contender.baseline(name, time: simulation.profile.time, mix: simulation.source.mix) {
        contenders.append(contender)
      }
    }
    return contenders
  }

  /// - Parameter onProgress: told the name of each part of this contender's work.
  private func simulate(
    _ simulation: Simulation, _ contender: Contender, onProgress: (String, RunProgress) -> Bool
  ) throws(EngineRunError) -> SimulationRun {
    var run = try simulation.run(contender, clock: MonotonicClock.nowNs) { onProgress(contender.name, $0) }
    if let criterion = criterion(simulation), run.isComplete {
      run.sweep = try simulation.sweepRate(
        contender, criterion: criterion, withCurve: report != nil, clock: MonotonicClock.nowNs
      ) {
        onProgress("\(contender.name), capacity \($0)/\(stages(simulation) - 1)", $1)
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

extension RateSweep.Criterion: ExpressibleByArgument {}
