/// Columns of text under titles, as wide as their widest cell.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  struct Column {
    var title: String
    var alignment: Alignment
  }

  private static let gap = "  "
  let columns: [Column]
  private(set) var rows: [[String]] = []

  /// - Parameter columns: titles; one that starts with ">" is aligned to the right.
  init(_ columns: [String]) {
    self.columns = columns.map { title in
      title.hasPrefix(">")
        ? Column(title: String(title.dropFirst()), alignment: .right) : Column(title: title, alignment: .left)
    }
  }

  /// Adds a row; a missing cell is empty. Characters that would steer a terminal are replaced.
  mutating func add(_ cells: [String]) { rows.append(cells.map(Self.printable)) }

  /// Lines without trailing spaces, the titles first. - Parameter width: longer lines are cut there.
  func lines(width: Int = .max) -> [String] {
    let widths = columns.indices.map { index in
      max(columns[index].title.count, rows.map { index < $0.count ? $0[index].count : 0 }.max() ?? 0)
    }
    return ([columns.map(\.title)] + rows).map { line(of: $0, widths).prefix(width).description }
  }

  /// Lines for standard output; on a terminal with colour the titles are bold.
  var text: String {
    var lines = lines()
    if Terminal.output.hasColour { lines[0] = "\u{1B}[1m\(lines[0])\u{1B}[0m" }
    return lines.joined(separator: "\n") + "\n"
  }

  private func line(of cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (index, column) in columns.enumerated() {
      let cell = index < cells.count ? cells[index] : ""
      let padding = String(repeating: " ", count: widths[index] - cell.count)
      line += (index > 0 ? Self.gap : "") + (column.alignment == .right ? padding + cell : cell + padding)
    }
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }

  /// Names and ids come from engines: control characters must not reach the terminal.
  static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
  }

  /// The same for text of several lines.
  static func printableLines(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }.joined(separator: "\n")
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
