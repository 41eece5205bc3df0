extension ProfileImport {
  public static let tensorParallelMax = ProfileSubject.tensorParallelMax

  /// What was made, for people: the fits' errors on samples that they did not see, then what to know.
  public var table: String {
    var lines = [
      "\(profile.name): \(profile.gpu), \(profile.modelID), \(profile.kvCapacityTokens) tokens of KV",
      Self.row(["held-out relative error", "samples", "p50", "mean", "p95", "max"]),
    ]
    for (kind, fit) in [("without prefill", decodeOnly), ("with prefill", withPrefill)] {
      for (form, error) in [("roofline", fit.rooflineError), ("linear", fit.linearError)] {
        let shares = [error.p50, error.mean, error.p95, error.max].map(Self.percent)
        lines.append(Self.row(["\(kind), \(form)", "\(error.count)"] + shares))
      }
    }
    return (lines + notes.map { "note: \($0)" }).joined(separator: "\n")
  }

  private static func row(_ cells: [String]) -> String {
    TableText.left(cells[0], 28) + cells.dropFirst().map { TableText.right($0, 9) }.joined()
  }

  private static func percent(_ share: Double) -> String { TableText.percent(.number(share)) }
}
