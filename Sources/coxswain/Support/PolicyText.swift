import Policy

/// A decoded policy for people: every default filled in.
enum PolicyText {
  static func text(_ document: PolicyDocument) -> String {
    let policy = document.config
    var settings = TextTable(["SETTING", "VALUE"])
    settings.add(["name", policy.name])
    if let need = document.need { settings.add(["need", need.rawValue]) }
    settings.add(["queue ordering", policy.ordering.rawValue])
    settings.add(["batch strategy", policy.batchStrategy.rawValue])
    settings.add(["tokens per iteration", limit(policy.stepTokens)])
    settings.add(["running requests", limit(policy.sequences)])
    settings.add(["prefill chunk", policy.longPrefillTokens == 0 ? "no limit" : "\(policy.longPrefillTokens) tokens"])
    settings.add(["free blocks kept", Quantity.decimal(Double(policy.watermarkPpm) / 10_000, places: 2) + "%"])
    settings.add(["preemption victim", policy.victimOrder.rawValue])
    settings.add(["drafts per request", "\(policy.draftTokens)"])
    settings.add(["hold", Quantity.duration(us: policy.holdUs)])
    settings.add(["default class", policy.defaultClass])
    if !document.models.isEmpty {
      settings.add(["models with their own", document.models.map(\.name).joined(separator: ", ")])
    }
    var classes = TextTable(["CLASS", ">RANK", ">TTFT SLO", ">TPOT SLO", ">WEIGHT"])
    for entry in policy.classes {
      classes.add([
        entry.name, "\(entry.rank)", "\(Quantity.count(entry.ttftSLOMs)) ms", "\(Quantity.count(entry.tpotSLOMs)) ms",
        "\(entry.weight)",
      ])
    }
    return settings.text + "\n" + classes.text
  }

  private static func limit(_ value: Int?) -> String { value.map(Quantity.count) ?? "the engine's limit" }
}
