import ArgumentParser

struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile", abstract: "Make GPU profiles of measurements and check them.",
    discussion: """
      EXAMPLES
        coxswain profile import perf/RTX4090/llama-3.1-8b-bf16-tp1 -o rtx4090.json
        coxswain simulate --profile rtx4090.json --baseline vllm-v1
      """,
    subcommands: [ProfileImportCommand.self, ProfileValidateCommand.self])
}
