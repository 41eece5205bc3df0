import ArgumentParser
import Glibc
import Policy
import Sidecar
import Simulator
import WireProtocol

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Propose a policy for recorded or simulated traffic, one measured change at a time.",
    discussion: """
      Seven steps: SLO classes, batch strategy, preemption granularity, disaggregation, speculation, KV paging, fairness
      caps. Each simulates a few candidates on the same requests and takes the best if it is clearly better and no class
      pays for it. The proposal is then judged on requests that were held back. Nothing is written unless asked for, and
      nothing is applied. Ctrl-C prints what is known so far.

      EXAMPLES
        coxswain tune
        coxswain tune --trace azure_2023_conv.csv --first 6000 --rate-scale 3 --write tuned.json
        coxswain record last.rec && coxswain tune --recording last.rec --policy mine.json
        coxswain tune --kv-tokens 60000 --greedy tenant-1=8 -o json
        coxswain policy validate tuned.json                          what comes next
      """)

  @OptionGroup var load: WorkloadOptions
  @Option(help: ArgumentHelp("Tune on the requests of a recording (coxswain record).", valueName: "file"))
  var recording: String?
  @Option(help: ArgumentHelp("Policy file or preset to start from.", valueName: "policy")) var policy = "balanced"
  @Option(
    help: ArgumentHelp(
      "What the policy is for, default: what it says itself: \(Self.needNames).", valueName: "need"))
  var need: PolicyNeed?
  @Option(help: ArgumentHelp("Write the proposal to a file.", valueName: "file")) var write: String?
  @Flag(help: "Replace the file; write a proposal that is worse on the traffic held back.") var force = false
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var limits: EngineLimitOptions
  @OptionGroup var features: EngineFeatureOptions
  @OptionGroup var output: OutputOptions

  static let needNames = PolicyNeed.allCases.map(\.rawValue).joined(separator: ", ")

  func validate() throws {
    guard write != nil || !force else { throw ValidationError("--force: expected --write") }
    guard recording != nil else { return }
    let others: [(String, Bool)] = [
      ("--trace", load.trace != nil), ("--lengths", load.lengths != nil), ("--classes", load.classes != nil),
      ("--arrivals", load.arrivals != nil), ("--greedy", load.greedy != nil), ("--repeat", load.copies > 1),
      ("--first", load.first != nil), ("--adapters", features.adapters > 0),
    ]
    if let other = others.first(where: { $0.1 }) {
      throw ValidationError("--recording and \(other.0): the recording says what comes; expected one of them")
    }
  }

  func run() throws {
    if let write { try checkTarget(write) }
    let tuner = try tuner()
    let signals = try SignalPipe()
    var bar = ProgressBar()
    let startNs = MonotonicClock.nowNs()
    let report: TuningReport
    do throws(TuningError) {
      report = try tuner.run(clock: MonotonicClock.nowNs) { progress in
        bar.show(
          done: progress.finishedRequests, total: progress.totalRequests, unit: "requests", note: progress.note,
          elapsedUs: (MonotonicClock.nowNs() - startNs) / 1000)
        return !signals.drain().contains { $0 != SIGWINCH }
      }
    } catch {
      bar.finish()
      throw CommandFailure(.failed, "\(tuner.base.config.name): \(error.description)")
    }
    bar.finish()
    let refusal = refusal(report)
    let written = refusal == nil ? write : nil
    if let written { try OutputFile.write(report.proposal.json.pretty() + "\n", to: written) }
    try show(report, written)
    if let refusal { throw CommandFailure(.failed, refusal) }
  }

  private func checkTarget(_ path: String) throws(CommandFailure) {
    try OutputFile.check(path)
    guard !force, access(path, F_OK) == 0 else { return }
    throw CommandFailure(.failed, "\(path): there is such a file; --force replaces it")
  }

  /// Why the proposal is not written although somebody asked for it.
  private func refusal(_ report: TuningReport) -> String? {
    guard let write else { return nil }
    if !report.isComplete { return "\(write): not written, since tuning was interrupted" }
    guard report.outcome?.isWorse == true, !force else { return nil }
    return "\(write): not written, since the proposal is worse on the traffic held back; --force writes it"
  }

  private func show(_ report: TuningReport, _ written: String?) throws(CommandFailure) {
    if output.isJSON {
      var json = report.json.objectValue ?? JSONObject()
      json["written"] = written.map { .string($0) } ?? .null
      return try StandardOutput.document(.object(json))
    }
    try StandardOutput.write(TuningText.text(report))
    if let written {
      try StandardOutput.line("\(written) was written; check it: coxswain policy validate \(written)")
    } else if report.isComplete {
      try StandardOutput.line("nothing was written; keep it: coxswain tune ... --write tuned.json")
    }
  }

  // MARK: - Traffic and engine

  private func tuner() throws(CommandFailure) -> Tuner {
    let base = try PolicyArgument.load(policy)
    let instances = try cluster.load()
    let events = try cluster.scriptedEvents(instances: instances.instances.count)
    guard instances.isComplete else {
      throw CommandFailure(.failed, "some model has no instance that prefills, or none that decodes")
    }
    var options = EngineOptions()
    var traffic: TuningTraffic
    if let recording {
      (traffic, options) = try recorded(recording, base)
    } else {
      var source = load.source(try load.mix())
      source.adapters = features.adapters
      traffic = try self.traffic(source)
    }
    guard traffic.isEnough else {
      throw CommandFailure(
        .failed,
        "\(traffic.name): \(traffic.tuned.count) requests to tune on and \(traffic.heldBack.count) to judge by; "
          + "expected at least \(TuningTraffic.partRequestsMin) of each")
    }
    limits.apply(to: &options)
    features.apply(to: &options)
    var tuner = Tuner(cluster: instances, options: options, traffic: traffic, base: base, need: need)
    tuner.events = events
    return tuner
  }

  private func traffic(_ source: WorkloadSource, isCut: Bool = false) throws(CommandFailure) -> TuningTraffic {
    do throws(WorkloadError) { return try TuningTraffic(source, rateScale: load.rateScale, isCut: isCut) } catch {
      throw CommandFailure(.failed, error.description)
    }
  }

  /// The latest requests of a recording, and an engine with the recorded one's limits.
  private func recorded(
    _ file: String, _ base: PolicyDocument
  ) throws(CommandFailure) -> (TuningTraffic, EngineOptions) {
    let recording = try RecordingSource.read(
      try InputFile.bytes(file, limit: RecordingSource.limitBytes), name: file)
    let recorded: RecordedTraffic
    do throws(ReplayDifference) { recorded = try RecordedTraffic(recording) } catch {
      throw CommandFailure(.failed, "\(file): the recording cannot be replayed: \(error.text)")
    }
    guard let engine = recorded.engine else { throw CommandFailure(.failed, "\(file): the recording has no Steps") }
    let latest = recorded.requests.suffix(2 * TuningTraffic.partRequestsMax)
    let workload = RecordedWorkload(latest, judgedBy: base.config)
    let name = String(file.split(separator: "/").last ?? "")
    let source = WorkloadSource(.list(name: name, workload.requests), mix: workload.mix, seed: load.seed)
    let traffic = try traffic(source, isCut: latest.count < recorded.requests.count)
    return (traffic, EngineOptions(recorded: engine))
  }
}

extension PolicyNeed: ExpressibleByArgument {}
