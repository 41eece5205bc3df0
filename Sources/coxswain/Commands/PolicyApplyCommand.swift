import ArgumentParser
import Policy
import Sidecar
import WireProtocol

struct PolicyApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Put a policy in force in the running sidecar, between two Steps of every engine.",
    discussion: """
      All or nothing: an invalid policy changes nothing and ends with 78. What was applied survives a restart.

      EXAMPLES
        coxswain policy apply policy.json --dry-run       only show what would change
        coxswain policy apply policy.json -m "tighter TTFT for chat"
        coxswain policy apply policy.json --expect-generation 7
        coxswain policy rollback                          back to the one before
      """)

  @Argument(help: ArgumentHelp("Policy file, preset, or - for standard input.", valueName: "policy")) var policy: String
  @Option(
    name: [.customShort("m"), .customLong("comment")],
    help: ArgumentHelp("Why; kept in the history.", valueName: "text"))
  var comment: String?
  @Option(help: ArgumentHelp("Fail unless this generation is in force.", valueName: "n")) var expectGeneration: Int?
  @Flag(name: [.customShort("n"), .customLong("dry-run")], help: "Check and show what would change, and stop there.")
  var dryRun = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let document = try PolicyArgument.load(policy)
    let client = try connection.connectToAdmin()
    let running = try RunningPolicy.fetch(client, timeoutUs: connection.timeoutUs)
    let differences = PolicyDifference.between(running.document, document)
    guard !dryRun else { return try show(running, document, differences) }
    var message: JSONObject = ["policy": document.json]
    message["comment"] = comment.map { .string($0) }
    message["expected_generation"] = expectGeneration.map { JSONValue($0) }
    let reply = try client.answer(to: .policyApply, .object(message), timeoutUs: connection.timeoutUs)
    if output.isJSON {
      guard case .object(var object) = reply else { return try StandardOutput.document(reply) }
      object["changes"] = .array(differences.map(\.json))
      return try StandardOutput.document(.object(object))
    }
    try StandardOutput.write(
      PolicyDifferenceText.text(differences, before: running.name, after: document.config.name))
    try StandardOutput.write(Self.text(reply))
  }

  private func show(
    _ running: RunningPolicy, _ document: PolicyDocument, _ differences: [PolicyDifference]
  ) throws(CommandFailure) {
    if output.isJSON {
      return try StandardOutput.document([
        "dry_run": true, "generation": JSONValue(running.generation), "name": .string(document.config.name),
        "changes": .array(differences.map(\.json)), "warnings": .array(document.warnings.map { .string($0) }),
      ])
    }
    try StandardOutput.write(
      PolicyDifferenceText.text(differences, before: running.name, after: document.config.name))
    try StandardOutput.line("nothing was applied; see the effect: coxswain policy dry-run \(policy)")
  }

  /// What happened, and what to do next. - Parameter reply: of Apply or Rollback.
  static func text(_ reply: JSONValue) -> String {
    func number(_ name: String) -> Int { reply[name]?.integerValue ?? 0 }
    let sessions = number("sessions")
    var text =
      "generation \(number("generation")), \(reply["name"]?.stringValue ?? "?"), is in force "
      + "in \(sessions) \(sessions == 1 ? "session" : "sessions"); "
      + "before: \(number("previous_generation")), \(reply["previous_name"]?.stringValue ?? "?")\n"
    for warning in reply["warnings"]?.arrayValue ?? [] { text += "warning: \(warning.stringValue ?? "")\n" }
    let isRestored = reply["restored_generation"]?.isNull == false
    return TextTable.printableLines(text) + "watch it: coxswain top    "
      + (isRestored ? "all changes: coxswain policy history\n" : "go back: coxswain policy rollback\n")
  }
}
