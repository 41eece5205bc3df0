import ArgumentParser
import Policy
import Sidecar
import Simulator
import WireProtocol

struct PolicyDryRunCommand: ParsableCommand {
  static let stepsRange = 1...1_000

  static let configuration = CommandConfiguration(
    commandName: "dry-run", abstract: "What a policy would do with the traffic that the sidecar has recorded.",
    discussion: """
      Two answers, each for what it is. ONE STEP: from each of the last recorded states one step under both policies,
      exact, but without what would follow. CLOSED LOOP: the recorded arrivals through a simulated engine, once under
      each policy; what follows is in it, but the iteration times are a GPU profile's. Nothing is applied.

      EXAMPLES
        coxswain policy dry-run policy.json
        coxswain policy dry-run policy.json --steps 500 --profile h100-llama31-8b
        coxswain policy dry-run policy.json --recording last.rec    without a sidecar
        coxswain policy apply policy.json                           if you like it
      """)

  @Argument(help: ArgumentHelp("Policy file, preset, or - for standard input.", valueName: "policy")) var policy: String
  @Option(help: ArgumentHelp("Recorded states to step from.", valueName: "n")) var steps = 100
  @Option(help: ArgumentHelp("Only this session.", valueName: "name")) var session: String?
  @Option(help: ArgumentHelp("A recording in place of the running sidecar's.", valueName: "file"))
  var recording: String?
  @Option(help: ArgumentHelp("GPU profile of the closed loop.", valueName: "profile"))
  var profile = GPUProfile.defaultName
  @Flag(inversion: .prefixedNo, help: "Simulate the closed loop.") var closedLoop = true
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.stepsRange.contains(steps) else {
      throw ValidationError("--steps \(steps): expected \(Self.stepsRange)")
    }
  }

  func run() throws {
    let after = try PolicyArgument.load(policy)
    let recording = try RecordingSource.load(recording, session: session, connection)
    guard let last = recording.segments.last else { throw CommandFailure(.failed, "the recording has no Steps") }
    let before = try before(last)
    var report: JSONObject = [
      "before": .string(before.config.name), "after": .string(after.config.name),
      "changes": .array(PolicyDifference.between(before, after).map(\.json)),
      "warnings": .array(after.warnings.map { .string($0) }),
      "one_step": try oneStep(recording, after),
    ]
    if closedLoop {
      report["closed_loop"] = try ClosedLoop(recording: recording, profile: try ProfileArgument.load(profile))
        .run(before: before, after: after)
    }
    if output.isJSON { return try StandardOutput.document(.object(report)) }
    try StandardOutput.write(
      PolicyDifferenceText.text(
        PolicyDifference.between(before, after), before: before.config.name, after: after.config.name))
    for warning in after.warnings { try StandardOutput.line("warning: \(warning)") }
    try StandardOutput.write(DryRunText.text(.object(report)))
    try StandardOutput.line("nothing was applied; apply it: coxswain policy apply \(policy)")
  }

  /// The policy that the last recorded Step followed.
  private func before(_ last: RecordingSegment) throws(CommandFailure) -> PolicyDocument {
    var active = last.start.policy
    last.forEachEntry { entry in
      if case .policy(let policy) = entry { active = policy }
      return true
    }
    return active.document
  }

  private func oneStep(_ recording: Recording, _ after: PolicyDocument) throws(CommandFailure) -> JSONValue {
    do throws(ReplayDifference) {
      return try StepDryRun.report(after, recording.segments, last: steps)
    } catch {
      throw CommandFailure(.failed, "the recording cannot be replayed: \(error.text)")
    }
  }
}
