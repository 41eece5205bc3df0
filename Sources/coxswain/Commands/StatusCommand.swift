import ArgumentParser
import WireProtocol

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "What the sidecar serves: sessions, plans followed, tenants, the last change of the policy.",
    discussion: """
      FOLLOWED is the share of planned tokens that the engine really computed; the reasons for the others follow
      (cached: a prefix hit made the work unnecessary).

      EXAMPLES
        coxswain status
        coxswain status -o json | jq '.sessions[].seq'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let client = try connection.connectToAdmin()
    let status = try client.answer(to: .status, timeoutUs: connection.timeoutUs)
    if output.isJSON { return try StandardOutput.document(status) }
    try StandardOutput.write(Self.text(status))
  }

  static func text(_ status: JSONValue) -> String {
    var text = headline(status) + "\n" + (drain(status).map { $0 + "\n" } ?? "") + refusedChange(status)
    let sessions = (status["sessions"]?.arrayValue ?? []).map(SessionStatus.init)
    text +=
      sessions.isEmpty
      ? "\nno engine is registered; try one: coxswain engine --real-time\n" : "\n" + sessionTable(sessions).text
    let exceptions = exceptionTable(sessions)
    if !exceptions.rows.isEmpty { text += "\n" + exceptions.text }
    let groups = groupTable(status["sessions"]?.arrayValue ?? [])
    if !groups.rows.isEmpty { text += "\n" + groups.text }
    let tenants = status["tenants"]?.arrayValue ?? []
    if !tenants.isEmpty { text += "\n" + tenantTable(tenants).text }
    return text + "\nthe policy in force: coxswain policy show    watch it work: coxswain top\n"
  }

  static func headline(_ status: JSONValue) -> String {
    let uptime = Quantity.duration(us: (status["uptime_ms"]?.integerValue ?? 0) * 1000)
    let policy = status["policy"]?["name"]?.stringValue ?? "?"
    let generation = status["policy"]?["generation"]?.integerValue ?? 0
    return TextTable.printable(
      "coxswain \(status["version"]?.stringValue ?? "?"), up \(uptime), policy \(policy) (generation \(generation))")
  }

  /// That it takes no new engine, since when and at whose wish; nil while it takes them.
  static func drain(_ status: JSONValue) -> String? {
    guard let drain = status["draining"], !drain.isNull else { return nil }
    return DrainCommand.since(drain)
  }

  /// The last change of the policy, if it was refused: when, and why.
  static func refusedChange(_ status: JSONValue) -> String {
    guard let policy = status["policy"], policy["last_update_failed"]?.boolValue == true else { return "" }
    let details = (policy["details"]?.stringValue ?? "").split(separator: "\n").map { "  \($0)\n" }.joined()
    return TextTable.printableLines(
      "policy change refused (\(policy["failed_source"]?.stringValue ?? "?"), "
        + "\(policy["last_update_attempt"]?.stringValue ?? "?")):\n\(details)")
  }

  static func sessionTable(_ sessions: [SessionStatus]) -> TextTable {
    var table = TextTable([
      "SESSION", "SERVER", "ENGINE", "STATE", ">SEQ", ">RUNNING", ">WAITING", ">BLOCKED", ">FOLLOWED", ">FALLBACKS",
      ">LATE", ">RESYNCS",
    ])
    for session in sessions {
      table.add([
        session.name, session.server, session.engine, session.state, Quantity.count(session.seq),
        Quantity.count(session.running), Quantity.count(session.waiting), Quantity.count(session.blocked),
        Quantity.percent(session.executedTokens, of: session.plannedTokens), Quantity.count(session.fallbacks),
        Quantity.count(session.late), Quantity.count(session.resyncs),
      ])
    }
    return table
  }

  private static func exceptionTable(_ sessions: [SessionStatus]) -> TextTable {
    var table = TextTable(["SESSION", "NOT AS PLANNED", ">ITEMS"])
    for session in sessions {
      for exception in session.exceptions {
        table.add([session.name, exception.reason, Quantity.count(exception.items)])
      }
    }
    return table
  }

  /// Groups with requests that wait.
  static func groupTable(_ sessions: [JSONValue]) -> TextTable {
    var table = TextTable([
      "SESSION", "GROUP", ">TTFT", ">WAITING", ">OLDEST", ">A NEW ONE WAITS", ">AT MOST", ">IN SLO",
    ])
    for session in sessions {
      for group in session["groups"]?.arrayValue ?? [] {
        func number(_ name: String) -> Int { group[name]?.integerValue ?? 0 }
        guard number("waiting") > 0 else { continue }
        let className = group["class"]?.stringValue ?? ""
        let adapter = group["adapter"]?.stringValue ?? ""
        table.add([
          session["session"]?.stringValue ?? "?",
          className.isEmpty ? "(others)" : adapter.isEmpty ? className : "\(className), \(adapter)",
          Quantity.duration(us: number("ttft_slo_ms") * 1_000), Quantity.count(number("waiting")),
          Quantity.duration(us: number("oldest_us")), Quantity.duration(us: number("wait_us")),
          Quantity.duration(us: number("wait_most_us")),
          Quantity.percent(Int(((group["in_slo_ratio"]?.doubleValue ?? 0) * 1_000).rounded()), of: 1_000),
        ])
      }
    }
    return table
  }

  private static func tenantTable(_ tenants: [JSONValue]) -> TextTable {
    var table = TextTable(["TENANT", ">CHARGED TOKENS"])
    for tenant in tenants {
      table.add([
        tenant["name"]?.stringValue ?? "?", Quantity.count(tenant["charged_tokens"]?.integerValue ?? 0),
      ])
    }
    return table
  }
}
