import ArgumentParser
import Glibc
import Simulator
import WireProtocol

struct RankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank", abstract: "Which policy is better, and whether that holds when the profile is wrong.",
    discussion: """
      Every policy and baseline is simulated with the profile as it is and with the times of iterations that have prefill
      and the engine's overhead off by +-50 %, each time at the same share of the bound that then holds. Schedulers know
      the profile as it is. A ranking that flips is not claimed.

      EXAMPLES
        coxswain rank --trace azure_2023_conv.csv --first 6000 --baseline vllm-v1 --baseline sarathi
        coxswain rank --policy balanced --baseline vllm-v1-priority --load-ratio 0.8 -o json
      """)

  @OptionGroup var load: WorkloadOptions
  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Policy file or preset; may be repeated.", valueName: "policy")) var policy: [String] = []
  @Option(
    help: ArgumentHelp(
      "A scheduler of today: \(Contender.baselineNames.joined(separator: ", ")).", valueName: "name"))
  var baseline: [String] = []
  @Option(help: ArgumentHelp("Arrivals over the fluid bound.", valueName: "x")) var loadRatio = 0.85
  @OptionGroup var output: OutputOptions

  static let loadRange = 0.01...10.0

  func validate() throws {
    guard Self.loadRange.contains(loadRatio) else {
      throw ValidationError("--load-ratio \(loadRatio): expected \(Self.loadRange)")
    }
    for name in baseline where !Contender.baselineNames.contains(name) {
      throw ValidationError(
        "--baseline \(name): expected one of \(Contender.baselineNames.joined(separator: ", "))")
    }
    guard policy.count + baseline.count >= 2 else {
      throw ValidationError("expected at least two of --policy and --baseline")
    }
  }

  func run() throws {
    let profile = try ProfileArgument.load(profile)
    let source = load.source(try load.mix())
    var contenders: [Contender] = []
    for name in policy {
      contenders.append(Contender(policy: try PolicyArgument.load(name).config, time: profile.time))
    }
    contenders += baseline.compactMap { Contender.baseline($0, time: profile.time, mix: source.mix) }
    let signals = try SignalPipe()
    var bar = ProgressBar()
    var scores: [[Double]] = []
    let startNs = MonotonicClock.nowNs()
    for (index, perturbation) in ProfilePerturbation.all.enumerated() {
      let simulation = try simulation(profile.perturbed(by: perturbation), source)
      var row: [Double] = []
      for contender in contenders {
        bar.show(
          done: index * contenders.count + row.count, total: ProfilePerturbation.all.count * contenders.count,
          unit: "runs", note: contender.name, elapsedUs: (MonotonicClock.nowNs() - startNs) / 1000)
        row.append(try simulate(simulation, contender) { !signals.drain().contains { $0 != SIGWINCH } })
      }
      scores.append(row)
    }
    bar.finish()
    let ranking = Ranking(
      schedulers: contenders.map(\.name), perturbations: ProfilePerturbation.all.map(\.name), scores: scores)
    if output.isJSON { return try StandardOutput.document(ranking.json) }
    try StandardOutput.line(ranking.table)
  }

  /// At the asked-for share of the profile's own bound.
  private func simulation(_ profile: GPUProfile, _ source: WorkloadSource) throws(CommandFailure) -> Simulation {
    do throws(WorkloadError) {
      let asRecorded = try Simulation(profile: profile, options: EngineOptions(), source: source, rateScale: 1)
      guard asRecorded.demand.ratePerS > 0, asRecorded.boundRequestsPerS > 0 else {
        throw .invalidClasses(message: "no rate holds them on \(profile.name) with its times off")
      }
      return try Simulation(
        profile: profile, options: EngineOptions(), source: source,
        rateScale: loadRatio * asRecorded.boundRequestsPerS / asRecorded.demand.ratePerS)
    } catch { throw CommandFailure(.failed, error.description) }
  }

  private func simulate(
    _ simulation: Simulation, _ contender: Contender, goesOn: () -> Bool
  ) throws(CommandFailure) -> Double {
    let run: SimulationRun
    do throws(EngineRunError) {
      run = try simulation.run(contender, clock: MonotonicClock.nowNs) { _ in goesOn() }
    } catch { throw CommandFailure(.failed, "\(contender.name): \(error.description)") }
    guard run.isComplete else { throw CommandFailure(.failed, "interrupted") }
    return run.scorecard.withinSLORatio
  }
}
