import ArgumentParser
import WireProtocol

struct PolicyRollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Put an earlier policy in force again, under a new generation.",
    discussion: """
      EXAMPLES
        coxswain policy rollback                     the one before
        coxswain policy history                      which generations there are
        coxswain policy rollback --generation 3
      """)

  @Option(help: ArgumentHelp("Whose policy to restore; default: the one before.", valueName: "n")) var generation: Int?
  @Option(
    name: [.customShort("m"), .customLong("comment")],
    help: ArgumentHelp("Why; kept in the history.", valueName: "text"))
  var comment: String?
  @Option(help: ArgumentHelp("Fail unless this generation is in force.", valueName: "n")) var expectGeneration: Int?
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let generation, generation < 1 { throw ValidationError("--generation \(generation): expected at least 1") }
  }

  func run() throws {
    let client = try connection.connectToAdmin()
    var message: JSONObject = [:]
    message["generation"] = generation.map { JSONValue($0) }
    message["comment"] = comment.map { .string($0) }
    message["expected_generation"] = expectGeneration.map { JSONValue($0) }
    let reply = try client.answer(to: .policyRollback, .object(message), timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.write(PolicyApplyCommand.text(reply))
  }
}
