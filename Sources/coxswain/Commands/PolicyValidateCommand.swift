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
    let errors = try check()
    if output.isJSON {
      try StandardOutput.document([
        "valid": .bool(errors.isEmpty), "errors": .array(errors.map(\.json)),
      ])
    } else if errors.isEmpty {
      try StandardOutput.line("\(file) is valid")
    } else {
      for error in errors { try StandardOutput.line("\(file): \(error.text)") }
    }
    if !errors.isEmpty { throw CommandFailure(.badConfiguration, nil) }
  }

  private func check() throws(CommandFailure) -> [PolicyError] {
    if PolicyDocument.preset(file) != nil { return [] }
    let bytes = try PolicyArgument.bytes(file)
    do throws(PolicyErrors) {
      _ = try PolicyDocument.decode(bytes: bytes)
      return []
    } catch {
      return error.errors
    }
  }
}
