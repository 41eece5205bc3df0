import ArgumentParser

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check and show policies.",
    discussion: """
      EXAMPLES
        coxswain policy validate policy.json
        coxswain policy show vllm-v1
      """,
    subcommands: [PolicyValidateCommand.self, PolicyShowCommand.self])
}
