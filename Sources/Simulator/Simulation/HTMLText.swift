import Glibc

/// Text and numbers as the report's page shows them.
enum HTMLText {
  /// Series colours that the page's style defines.
  static let colours = 6

  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }

  /// With at most `places` decimals, rounded half up.
  static func decimal(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "-" }
    let scale = pow(10, Double(places))
    let scaled = Int((value.magnitude * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + String(scaled) }
    let fraction = String(scaled % Int(scale))
    return sign + "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
  }

  /// Three significant figures or a whole number.
  static func figures(_ value: Double) -> String {
    decimal(value, value.magnitude < 10 ? 2 : value.magnitude < 100 ? 1 : 0)
  }

  static func percent(_ ratio: Double) -> String { decimal(ratio * 100, 1) + " %" }

  /// An axis label: no more digits than it needs, thousands as k.
  static func short(_ value: Double) -> String {
    guard value < 10_000 else { return trimmed(decimal(value / 1000, 1)) + "k" }
    return trimmed(decimal(value, 2))
  }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = Substring(text)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }

  static func log(_ value: Double) -> Double { Glibc.log(value) }
  static func powerOfTen(atMost value: Double) -> Double { pow(10, floor(log10(value))) }
  static func powerOfTen(atLeast value: Double) -> Double { pow(10, ceil(log10(value))) }

  /// Round values from 0 to at most `high`, about `count` of them.
  static func ticks(to high: Double, count: Int) -> [Double] {
    let raw = high / Double(count)
    let power = powerOfTen(atMost: raw)
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    return Array(stride(from: 0, through: high, by: step))
  }
}
