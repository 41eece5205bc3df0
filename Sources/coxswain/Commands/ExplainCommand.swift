import ArgumentParser
import WireProtocol

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Why a request is where it is: its life so far, and what would bring it forward.",
    discussion: """
      The history reaches back as far as the sidecar's recording does; requests that ended lately are in it.

      EXAMPLES
        coxswain queue                         find the request
        coxswain explain chatcmpl-9f3c2a17     by its id
        coxswain explain 42                    by its handle
        coxswain explain 42 --all              every transition of a long life
        coxswain explain chatcmpl-9f3c2a17 -o json | jq '.history[] | select(.event == "preempted")'
      """)

  @Argument(help: ArgumentHelp("Id or handle.", valueName: "request")) var request: String
  @Option(help: ArgumentHelp("Only in this session.", valueName: "name")) var session: String?
  @Flag(help: "Every transition, not only the first and the last ones; -o json has them all.") var all = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let client = try connection.connectToAdmin()
    var message: JSONObject = ["request": .string(request)]
    message["session"] = session.map { .string($0) }
    let reply = try client.answer(to: .explain, .object(message), timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.write(ExplanationText.text(reply, showsAll: all))
  }
}
