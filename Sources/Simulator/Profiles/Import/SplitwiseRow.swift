/// One measured run of Splitwise's table: a batch of equal prompts, then their tokens.
struct SplitwiseRow: Hashable {
  static let columns = [
    "model", "hardware", "prompt_size", "batch_size", "token_size", "prompt_time", "token_time", "tensor_parallel",
  ]

  var model: String
  var hardware: String
  var tensorParallel: Int
  var promptTokens: Int
  var sequences: Int
  var outputTokens: Int
  /// Prefill of the whole batch.
  var promptMs: Double
  /// One decode step of the whole batch.
  var tokenMs: Double

  var prefillTokens: Int { promptTokens * sequences }
  /// Context of each sequence half way through its output.
  var contextTokens: Double { Double(promptTokens) + Double(outputTokens) / 2 }

  static func read(_ path: String) throws(ProfileImportError) -> [SplitwiseRow] {
    let table = try MeasuredTable(path: path, expected: columns)
    var rows: [SplitwiseRow] = []
    for row in table.rows {
      rows.append(
        SplitwiseRow(
          model: try table.word("model", row), hardware: try table.word("hardware", row),
          tensorParallel: try table.count("tensor_parallel", row, least: 1),
          promptTokens: try table.count("prompt_size", row, least: 1),
          sequences: try table.count("batch_size", row, least: 1),
          outputTokens: try table.count("token_size", row, least: 1),
          promptMs: try table.time("prompt_time", row), tokenMs: try table.time("token_time", row)))
    }
    return rows
  }
}
