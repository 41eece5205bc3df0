import WireProtocol

/// Numbers and columns of the tables for people.
enum TableText {
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }

  static func whole(_ value: JSONValue?) -> String { "\(value?.integerValue ?? 0)" }

  static func percent(_ value: JSONValue?) -> String {
    let tenths = Int((value?.doubleValue ?? 0) * 1000 + 0.5)
    return "\(tenths / 10).\(tenths % 10) %"
  }

  /// Three significant digits or a whole number.
  static func number(_ value: JSONValue?) -> String {
    let value = value?.doubleValue ?? 0
    guard value < 100 else { return "\(Int(value + 0.5))" }
    let hundredths = Int(value * (value < 10 ? 100 : 10) + 0.5)
    return value < 10
      ? "\(hundredths / 100)." + right0(hundredths % 100, 2) : "\(hundredths / 10).\(hundredths % 10)"
  }

  private static func right0(_ value: Int, _ width: Int) -> String {
    let text = "\(value)"
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
