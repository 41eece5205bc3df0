import ArgumentParser

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check, compare, apply and roll back policies.",
    discussion: """
      EXAMPLES
        coxswain policy show                     what is in force
        coxswain policy validate policy.json     is it right?
        coxswain policy diff policy.json         what would change?
        coxswain policy dry-run policy.json      with what effect?
        coxswain policy apply policy.json        put it in force
        coxswain policy rollback                 take it back
        coxswain policy history                  who changed what
      """,
    subcommands: [
      PolicyValidateCommand.self, PolicyShowCommand.self, PolicyDiffCommand.self, PolicyDryRunCommand.self,
      PolicyApplyCommand.self, PolicyRollbackCommand.self, PolicyHistoryCommand.self,
    ])
}
