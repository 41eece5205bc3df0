import ArgumentParser
import WireProtocol

struct QueueCommand: ParsableCommand {
  static let limitRange = 1...100_000

  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "The requests that the sidecar mirrors, running first, then in serving order.",
    discussion: """
      EXAMPLES
        coxswain queue
        coxswain queue --session s-3 --limit 20
        coxswain queue -o json | jq '.sessions[].requests[] | select(.blocked)'
      """)

  @Option(help: ArgumentHelp("Only this session.", valueName: "name")) var session: String?
  @Option(help: ArgumentHelp("Requests to show for each session.", valueName: "n")) var limit = 1000
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.limitRange.contains(limit) else {
      throw ValidationError("--limit \(limit): expected \(Self.limitRange)")
    }
  }

  func run() throws {
    let client = try connection.connectToAdmin()
    var message: JSONObject = ["limit": JSONValue(limit)]
    if let session { message["session"] = .string(session) }
    let reply = try client.answer(to: .requests, .object(message), timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    try StandardOutput.write(Self.text(reply))
  }

  static func text(_ reply: JSONValue) -> String {
    let sessions = reply["sessions"]?.arrayValue ?? []
    guard !sessions.isEmpty else { return "no engine is registered\n" }
    return sessions.map(sessionText).joined(separator: "\n")
  }

  private static func sessionText(_ session: JSONValue) -> String {
    let requests = session["requests"]?.arrayValue ?? []
    let total = session["total"]?.integerValue ?? requests.count
    let title =
      "session \(session["session"]?.stringValue ?? "?") of \(session["server_id"]?.stringValue ?? "?")"
      + "/\(session["dp_rank"]?.integerValue ?? 0), seq \(session["seq"]?.integerValue ?? 0): "
      + "\(Quantity.count(requests.count)) of \(Quantity.count(total)) requests"
    return TextTable.printable(title) + "\n" + table(requests).text
  }

  private static func table(_ requests: [JSONValue]) -> TextTable {
    var table = TextTable([
      ">H", "ID", "TENANT", "CLASS", "STATE", ">PROMPT", ">COMPUTED", ">OUTPUT", ">MAX OUTPUT", ">AGE",
    ])
    for request in requests {
      func number(_ name: String) -> Int { request[name]?.integerValue ?? 0 }
      func text(_ name: String) -> String { request[name]?.stringValue ?? "?" }
      table.add([
        String(number("h")), text("id"), text("tenant"), text("class"), state(of: request),
        Quantity.count(number("prompt")), Quantity.count(number("computed")), Quantity.count(number("output")),
        Quantity.count(number("max_output")), Quantity.duration(us: number("age_us")),
      ])
    }
    return table
  }

  static func state(of request: JSONValue) -> String {
    if request["blocked"]?.boolValue == true { return "blocked" }
    return request["running"]?.boolValue == true ? "running" : "waiting"
  }
}
