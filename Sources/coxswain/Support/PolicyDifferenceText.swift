import Policy
import WireProtocol

/// What a policy changes, for people.
enum PolicyDifferenceText {
  static func text(_ differences: [PolicyDifference], before: String, after: String) -> String {
    guard !differences.isEmpty else { return "\(before) and \(after) say the same\n" }
    var table = TextTable(["MEMBER", ">\(before.uppercased())", ">\(after.uppercased())"])
    for difference in differences {
      table.add([difference.pointer, value(difference.before), value(difference.after)])
    }
    return table.text
  }

  private static let widest = 40

  /// A member's value, cut to the width of a cell.
  static func value(_ json: JSONValue?) -> String {
    guard let json else { return "-" }
    let text = json.stringValue ?? json.text
    return text.count > widest ? String(text.prefix(widest - 3)) + "..." : text
  }
}
