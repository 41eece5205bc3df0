import ArgumentParser
import Simulator
import WireClient
import WireProtocol

struct EngineCommand: ParsableCommand {
  static let inFlightRange = 1...3

  static let configuration = CommandConfiguration(
    commandName: "engine", abstract: "Run the reference engine against a sidecar: the real protocol in virtual time.",
    discussion: """
      It takes its iteration times from a GPU profile, replays a workload, checks every plan and fails loudly. The
      scorecard's times are virtual; the Step round trip is real.

      EXAMPLES
        coxswain engine
        coxswain engine --trace azure_2023_conv.csv --first 2000
        coxswain engine --requests 500 --rate 20 --in-flight 2 -o json
        coxswain engine --in-process --policy vllm-v1-priority
        coxswain engine --real-time --requests 6000 --rate 8      at the pace of a GPU, for coxswain top and record
      """)

  @OptionGroup var load: WorkloadOptions
  @Option(help: ArgumentHelp("GPU profile: a bundled name or a file.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Option(help: ArgumentHelp("Plans in flight: 1 synchronous, 2 or 3 asynchronous.", valueName: "n")) var inFlight = 1
  @Option(help: ArgumentHelp("KV cache in tokens in place of the profile's.", valueName: "n")) var kvTokens: Int?
  @Flag(help: "Take as long as the GPU would: Steps come at the pace of the virtual time.") var realTime = false
  @Flag(help: "Run the scheduler in this process; no sidecar is needed.") var inProcess = false
  @Option(help: ArgumentHelp("Policy file or preset of --in-process (default: balanced).", valueName: "policy"))
  var policy: String?
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.inFlightRange.contains(inFlight) else {
      throw ValidationError("--in-flight \(inFlight): expected \(Self.inFlightRange)")
    }
    if let kvTokens, kvTokens < 1 { throw ValidationError("--kv-tokens \(kvTokens): expected at least 1") }
    guard inProcess || policy == nil else {
      throw ValidationError("--policy needs --in-process: a sidecar has its own (coxswain serve --policy)")
    }
  }

  func run() throws {
    let mix = try load.mix()
    var options = EngineOptions()
    options.inFlightMax = inFlight
    options.kvCapacityTokens = kvTokens
    options.bootID = "reference-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    // What is wrong with the input is found before anybody is called.
    let profile = try ProfileArgument.load(profile)
    let workload = try load.workload(mix)
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: mix, workload: workload, link: try link())
    var bar = ProgressBar()
    let result = Result { () throws(EngineRunError) in
      try engine.run(clock: MonotonicClock.nowNs) { progress in
        let note = "\(Quantity.duration(us: Int(progress.virtualUs))) virtual"
        bar.show(
          done: progress.finishedRequests, total: progress.totalRequests, unit: "requests", note: note,
          elapsedUs: progress.wallUs)
        return true
      }
    }
    bar.finish()
    try show(result)
  }

  private func link() throws(CommandFailure) -> any SchedulerLink {
    let link: any SchedulerLink
    if inProcess {
      link = CoreLink(policy: try PolicyArgument.load(policy).config)
    } else {
      do throws(EngineRunError) { link = try SocketLink(path: connection.directory.engineSocket) } catch {
        throw Self.failure(error)
      }
    }
    return realTime ? PacedLink(link) : link
  }

  private func show(_ result: Result<Scorecard, EngineRunError>) throws(CommandFailure) {
    var scorecard: Scorecard
    do throws(EngineRunError) { scorecard = try result.get() } catch { throw Self.failure(error) }
    if !inProcess, let name = policyName() { scorecard.policy = name }
    if output.isJSON { return try StandardOutput.document(["runs": [scorecard.json]]) }
    try StandardOutput.line(ScorecardTable.text(scorecard.json))
  }

  /// The sidecar's policy, if this user may ask; the scorecard can do without.
  private func policyName() -> String? {
    let status = try? connection.connectToAdmin().answer(to: .status, timeoutUs: connection.timeoutUs)
    return status?["policy"]?["name"]?.stringValue
  }

  private static func failure(_ error: EngineRunError) -> CommandFailure {
    switch error {
    case .link(let error): CommandFailure(error)
    case .refused(let seq, let error):
      CommandFailure(
        CommandFailure(error).status,
        "\(seq == 0 ? "Register" : "Step \(seq)"): \(error.code.rawValue): \(error.message)")
    case .workload, .badReply, .outOfOrder, .invalidPlan, .noInstance, .stuck:
      CommandFailure(.failed, error.description)
    }
  }
}
