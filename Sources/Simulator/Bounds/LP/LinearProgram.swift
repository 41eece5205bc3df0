/// Maximize a sum over columns of at least 0 under linear rows, in the shape that solvers read.
struct LinearProgram {
  enum Relation { case equal, atMost }

  /// Columns and entries of one program: what a solver of this kind takes minutes for.
  static let columnsMax = 2_000_000

  private(set) var columns: [(gain: Double, most: Double?)] = []
  private(set) var rows: [(relation: Relation, right: Double)] = []
  private var entries: [[(row: Int, value: Double)]] = []

  /// - Parameters:
  ///   - gain: what one of it adds to the sum.
  ///   - most: its upper limit, if any.
  /// - Returns: the column's index.
  mutating func addColumn(gain: Double = 0, most: Double? = nil) -> Int {
    columns.append((gain, most))
    entries.append([])
    return columns.count - 1
  }

  mutating func addRow(_ relation: Relation, _ right: Double) -> Int {
    rows.append((relation, right))
    return rows.count - 1
  }

  /// Each row and column at most once.
  mutating func set(row: Int, column: Int, _ value: Double) { entries[column].append((row, value)) }

  /// The program as a minimization in free MPS.
  var mps: String {
    var lines = ["NAME BOUND", "ROWS", " N OBJ"]
    for (index, row) in rows.enumerated() { lines.append(" \(row.relation == .equal ? "E" : "L") R\(index)") }
    lines.append("COLUMNS")
    for (index, column) in columns.enumerated() {
      lines.append(" C\(index) OBJ \(-column.gain)")
      for entry in entries[index] { lines.append(" C\(index) R\(entry.row) \(entry.value)") }
    }
    lines.append("RHS")
    for (index, row) in rows.enumerated() where row.right != 0 { lines.append(" RHS R\(index) \(row.right)") }
    lines.append("BOUNDS")
    for (index, column) in columns.enumerated() {
      if let most = column.most { lines.append(" UP BND C\(index) \(most)") }
    }
    lines.append("ENDATA")
    return lines.joined(separator: "\n") + "\n"
  }
}
