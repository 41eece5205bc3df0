import ArgumentParser
import Policy
import Sidecar
import WireProtocol

struct PolicyDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two policies, member by member, with every default stated.",
    discussion: """
      With one policy, the running sidecar's is what it is compared with.

      EXAMPLES
        coxswain policy diff policy.json             what applying it would change
        coxswain policy diff vllm-v1 balanced        two presets; no sidecar is needed
        coxswain policy diff old.json new.json -o json
      """)

  @Argument(help: ArgumentHelp("Policy file or preset.", valueName: "policy")) var first: String
  @Argument(help: ArgumentHelp("The other one.", valueName: "policy")) var second: String?
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let after = try PolicyArgument.load(second ?? first)
    let before: PolicyDocument
    if second == nil {
      before = try RunningPolicy.fetch(try connection.connectToAdmin(), timeoutUs: connection.timeoutUs).document
    } else {
      before = try PolicyArgument.load(first)
    }
    let differences = PolicyDifference.between(before, after)
    if output.isJSON {
      return try StandardOutput.document([
        "before": .string(before.config.name), "after": .string(after.config.name),
        "changes": .array(differences.map(\.json)),
      ])
    }
    try StandardOutput.write(
      PolicyDifferenceText.text(differences, before: before.config.name, after: after.config.name))
  }
}
