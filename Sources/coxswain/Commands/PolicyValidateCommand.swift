import ArgumentParser
import Policy
import WireProtocol

struct PolicyValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check a policy file; no sidecar is needed. Ends with 78 if it is not valid.",
    discussion: """
      EXAMPLES
        coxswain policy validate policy.json
        coxswain policy validate policy.json -o json | jq '.errors[].pointer'
      """)

  @Argument(help: ArgumentHelp("Policy file, preset, or - for standard input.", valueName: "file")) var file: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let verdict = try check()
    if output.isJSON {
      try StandardOutput.document(verdict.json)
    } else {
      for error in verdict.errors { try StandardOutput.line("\(file): \(error.text)") }
      for warning in verdict.warnings { try StandardOutput.line("\(file): warning: \(warning)") }
      if verdict.isValid { try StandardOutput.line("\(file) is valid; its effect: coxswain policy dry-run \(file)") }
    }
    if !verdict.isValid { throw CommandFailure(.badConfiguration, nil) }
  }

  private func check() throws(CommandFailure) -> PolicyVerdict {
    if let preset = PolicyDocument.preset(file) { return PolicyVerdict { () throws(PolicyErrors) in preset } }
    let bytes = try PolicyArgument.bytes(file)
    return PolicyVerdict { () throws(PolicyErrors) in try PolicyDocument.decode(bytes: bytes) }
  }
}
