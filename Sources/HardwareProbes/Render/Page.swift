/// Lines of plain text for a terminal of a given width.
struct Page {
  static let narrowest = 40
  static let labelWidth = 12

  let width: Int
  private(set) var lines: [String] = []

  init(width: Int) { self.width = max(Self.narrowest, width) }

  var text: String { lines.map { $0 + "\n" }.joined() }

  /// One line, cut at the width, without blanks at its end or characters that would steer a terminal.
  mutating func add(_ line: String = "", indent: Int = 0) {
    var shown = String((String(repeating: " ", count: indent) + Self.printable(line)).prefix(width))
    while shown.hasSuffix(" ") { shown.removeLast() }
    lines.append(shown)
  }

  /// A name in its column, then text that may go on over several lines.
  mutating func add(_ label: String, _ text: String) {
    let head = Page.left(label, Self.labelWidth)
    let parts = Page.wrap(text, max(20, width - Self.labelWidth))
    add(head + (parts.first ?? ""))
    for part in parts.dropFirst() { add(part, indent: Self.labelWidth) }
  }

  // MARK: - Pieces

  static func left(_ text: String, _ width: Int) -> String {
    text.count < width ? text + String(repeating: " ", count: width - text.count) : text + " "
  }

  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// "[#####.....]": how much of the whole is taken. What is taken shows at least one mark.
  static func bar(_ part: Int, of whole: Int, cells: Int) -> String {
    guard whole > 0 else { return "[" + String(repeating: " ", count: cells) + "]" }
    let share = min(1, max(0, Double(part) / Double(whole)))
    var filled = Int((share * Double(cells)).rounded())
    if part > 0, filled == 0 { filled = 1 }
    return "[" + String(repeating: "#", count: filled)
      + String(repeating: ".", count: cells - filled) + "]"
  }

  /// Breaks at blanks.
  static func wrap(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(word)
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Names come from firmware and drivers: control characters must not reach the terminal.
  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}
