/// What was made of measurements, for people: the errors on samples that a fit did not see, then what to know.
enum FitErrorTable {
  static func text(_ profile: GPUProfile, _ errors: [(name: String, error: FitError)], _ notes: [String]) -> String {
    var lines = [
      "\(profile.name): \(profile.gpu), \(profile.modelID), \(profile.kvCapacityTokens) tokens of KV",
      row(["held-out relative error", "samples", "p50", "mean", "p95", "max"]),
    ]
    for (name, error) in errors {
      let shares = [error.p50, error.mean, error.p95, error.max].map { TableText.percent(.number($0)) }
      lines.append(row([name, "\(error.count)"] + shares))
    }
    return (lines + notes.map { "note: \($0)" }).joined(separator: "\n")
  }

  private static func row(_ cells: [String]) -> String {
    TableText.left(cells[0], 28) + cells.dropFirst().map { TableText.right($0, 9) }.joined()
  }
}
