import WireProtocol

/// An Admin/Explain reply for people.
enum ExplanationText {
  /// Transitions shown of a long history: how the life began, and what it came to.
  static let firstRows = 4
  static let lastRows = 20

  /// - Parameter showsAll: every transition, however many.
  static func text(_ reply: JSONValue, showsAll: Bool) -> String {
    func number(_ name: String) -> Int { reply[name]?.integerValue ?? 0 }
    func word(_ name: String) -> String { reply[name]?.stringValue ?? "?" }
    var text =
      TextTable.printable(
        "\(word("id")) (handle \(number("h")), session \(word("session"))) is \(word("state")); "
          + "class \(word("class")), tenant \(word("tenant"))") + "\n"
    text += "prompt \(Quantity.count(number("prompt"))) tokens, computed \(Quantity.count(number("computed"))), "
    text += "output \(Quantity.count(number("output"))) of at most \(Quantity.count(number("max_output")))\n\n"
    text += history(reply, showsAll: showsAll).text
    let forgotten = number("forgotten_events")
    if forgotten > 0 { text += "\(Quantity.count(forgotten)) earlier transitions are forgotten\n" }
    if let now = reply["now"] { text += "\n" + standing(now) }
    return text
  }

  private static func history(_ reply: JSONValue, showsAll: Bool) -> TextTable {
    var table = TextTable([">AGE", ">STEPS", "EVENT", "WHY"])
    let events = reply["history"]?.arrayValue ?? []
    let hidden = showsAll ? 0 : max(0, events.count - firstRows - lastRows)
    for (index, event) in events.enumerated() {
      if hidden > 0, index == firstRows {
        table.add(["", "", "...", "\(Quantity.count(hidden)) more transitions; with them: --all"])
      }
      guard index < firstRows || index >= firstRows + hidden else { continue }
      let behind = event["behind"]?.stringValue ?? ""
      let text = event["text"]?.stringValue ?? ""
      table.add([
        Quantity.duration(us: event["age_us"]?.integerValue ?? 0), Quantity.count(event["steps"]?.integerValue ?? 1),
        words(event["event"]?.stringValue ?? "?"), behind.isEmpty ? text : "behind \(behind), which \(text)",
      ])
    }
    return table
  }

  private static func words(_ code: String) -> String { String(code.map { $0 == "_" ? " " : $0 }) }

  private static func standing(_ now: JSONValue) -> String {
    var text = "now: \(Quantity.duration(us: now["age_us"]?.integerValue ?? 0)) old"
    if let slack = now["slack_us"]?.integerValue {
      text +=
        slack >= 0
        ? ", \(Quantity.duration(us: slack)) left to its first token's objective"
        : ", \(Quantity.duration(us: -slack)) past its first token's objective"
      text += " of \(Quantity.count(now["ttft_slo_ms"]?.integerValue ?? 0)) ms"
    }
    text += "\n"
    if let ahead = now["ahead"]?.integerValue {
      text += "\(Quantity.count(ahead)) requests with \(Quantity.count(now["ahead_tokens"]?.integerValue ?? 0)) tokens "
      text += "are ahead of it\n"
    }
    if let wait = now["wait_us"]?.integerValue, let most = now["wait_most_us"]?.integerValue {
      text += "it starts in about \(Quantity.duration(us: wait)) (at most \(Quantity.duration(us: most)))\n"
    }
    if let binding = now["binding"] {
      text += "the head of the queue (handle \(binding["h"]?.integerValue ?? 0)) "
      text += "\(binding["text"]?.stringValue ?? "")\n"
    }
    guard let tries = now["would_run_next"]?.arrayValue, !tries.isEmpty else { return text }
    var table = TextTable(["IF", "IT RUNS NEXT"])
    for attempt in tries {
      table.add([attempt["change"]?.stringValue ?? "", attempt["runs_next"]?.boolValue == true ? "yes" : "no"])
    }
    return text + "\n" + table.text
  }
}
