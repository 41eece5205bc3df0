/// A table of measurements from a CSV file, plain or gzipped: columns by name, every cell a number or a word, every
/// error with its file and line.
struct MeasuredTable {
  /// Rows of one file.
  static let rowsMax = 2_000_000
  static let countMax = 1 << 31

  let path: String
  private let columns: [String]
  private(set) var rows: [Row] = []

  struct Row {
    let line: Int
    let fields: [Substring]
  }

  /// - Parameter expected: columns that have to be there; others may be.
  init(path: String, expected: [String]) throws(ProfileImportError) {
    self.path = path
    do throws(WorkloadError) {
      let reader = try LineReader(path)
      let header = try reader.next() ?? ""
      columns = header.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let missing = expected.filter { !columns.contains($0) }
      guard missing.isEmpty else {
        throw reader.malformed(
          "no column \(missing.joined(separator: ", ")); expected \(expected.joined(separator: ","))")
      }
      while let line = try reader.next() {
        if line.isEmpty { continue }
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == columns.count else {
          throw reader.malformed("\(fields.count) fields; expected \(columns.count): \(header)")
        }
        guard rows.count < Self.rowsMax else { throw reader.malformed("more than \(Self.rowsMax) rows") }
        rows.append(Row(line: reader.lineNumber, fields: fields))
      }
      guard !rows.isEmpty else { throw reader.malformed("no rows below the header") }
    } catch { throw ProfileImportError(error) }
  }

  func word(_ name: String, _ row: Row) throws(ProfileImportError) -> String {
    let text = String(cell(name, row))
    guard !text.isEmpty else { throw error(row, "\(name) is empty; expected a name") }
    return text
  }

  func count(_ name: String, _ row: Row, least: Int = 0) throws(ProfileImportError) -> Int {
    let text = cell(name, row)
    // Some writers print counts as 128.0.
    guard let value = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }), value >= least, value <= Self.countMax
    else { throw error(row, "\(name) is \"\(text)\"; expected an integer, at least \(least)") }
    return value
  }

  /// A measured time in the column's own unit: finite and above 0.
  func time(_ name: String, _ row: Row) throws(ProfileImportError) -> Double {
    let text = cell(name, row)
    guard let value = Double(text), value.isFinite, value > 0 else {
      throw error(row, "\(name) is \"\(text)\"; expected a time above 0")
    }
    return value
  }

  func error(_ row: Row, _ message: String) -> ProfileImportError {
    ProfileImportError(.malformed(path: path, line: row.line, message: message))
  }

  private func cell(_ name: String, _ row: Row) -> Substring {
    guard let index = columns.firstIndex(of: name) else { return "" }
    return row.fields[index]
  }
}
