import ArgumentParser
import WireProtocol

struct PolicyHistoryCommand: ParsableCommand {
  static let limitRange = 1...100

  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "The policies that were in force, newest first, and who applied them.",
    discussion: """
      EXAMPLES
        coxswain policy history
        coxswain policy history -o json | jq '.entries[1].policy' > before.json
        coxswain policy rollback --generation 3
      """)

  @Option(help: ArgumentHelp("Entries to show.", valueName: "n")) var limit = 20
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard Self.limitRange.contains(limit) else {
      throw ValidationError("--limit \(limit): expected \(Self.limitRange)")
    }
  }

  func run() throws {
    let client = try connection.connectToAdmin()
    let reply = try client.answer(
      to: .policyHistory, ["limit": JSONValue(limit)], timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(reply) }
    var table = TextTable([">GENERATION", "POLICY", "SINCE", "BY", "UID", "COMMENT"])
    for entry in reply["entries"]?.arrayValue ?? [] {
      let restored = entry["restored_generation"]?.integerValue.map { " of \($0)" } ?? ""
      table.add([
        "\(entry["generation"]?.integerValue ?? 0)", entry["name"]?.stringValue ?? "?",
        ClockText.utc(unixMs: entry["at_unix_ms"]?.integerValue ?? 0),
        (entry["source"]?.stringValue ?? "?") + restored, entry["uid"]?.integerValue.map { "\($0)" } ?? "-",
        entry["comment"]?.stringValue ?? "",
      ])
    }
    try StandardOutput.write(table.text)
  }
}
