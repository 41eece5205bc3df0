import WireProtocol

/// A plan for people.
enum PlanText {
  /// - Parameter plan: the `plan` member of a Step's reply.
  static func text(_ plan: JSONValue) -> String {
    var text = ""
    if plan["decode"]?.stringValue == "all" { text += "decode: all running requests, one token each\n" }
    if let run = plan["run"] { text += runTable(run, plan["reasons"]).text }
    for member in plan.objectValue?.members ?? [] where !["run", "decode", "reasons"].contains(member.name) {
      text += "\(member.name): \(TextTable.printable(member.value.text))\n"
    }
    let reasons = otherReasons(plan)
    if !reasons.rows.isEmpty { text += "\n" + reasons.text }
    return text.isEmpty ? "an empty plan\n" : text
  }

  private static func runTable(_ run: JSONValue, _ reasons: JSONValue?) -> TextTable {
    var table = TextTable([">H", ">TOKENS", ">DRAFTS", "WHY"])
    for (index, h) in (run["h"]?.arrayValue ?? []).enumerated() {
      let why = (reasons?.arrayValue ?? []).filter { $0[0] == h }.map(reason).joined(separator: ", ")
      let drafts = run["k"]?[index]?.text ?? "0"
      let levels = run["levels"]?[index]?.stringValue ?? ""
      table.add([h.text, run["n"]?[index]?.text ?? "", levels.isEmpty ? drafts : "\(drafts) as \(levels)", why])
    }
    return table
  }

  /// Reasons about requests that the plan does not run.
  private static func otherReasons(_ plan: JSONValue) -> TextTable {
    let planned = plan["run"]?["h"]?.arrayValue ?? []
    var table = TextTable([">H", "WHY"])
    for entry in plan["reasons"]?.arrayValue ?? [] {
      guard let h = entry[0], !planned.contains(h) else { continue }
      table.add([h.text, reason(entry)])
    }
    return table
  }

  private static func reason(_ entry: JSONValue) -> String {
    let code = entry[1]?.stringValue ?? "?"
    return entry[2].map { "\(code) \($0.text)" } ?? code
  }
}
