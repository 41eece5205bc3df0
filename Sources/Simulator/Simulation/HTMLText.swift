import Glibc

/// Text and numbers as the report's page shows them.
enum HTMLText {
  /// Series colours that the page's style defines.
  static let colours = 10
  /// The one for what is not a policy.
  static let dimColour = 7

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

  static func whole(_ value: Double) -> String { decimal(value, 0) }
  static func cents(_ value: Double) -> String { decimal(value, 3) }
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

  /// Round values from 0 to at most `high`, about `count` of them.
  static func ticks(to high: Double, count: Int) -> [Double] {
    let raw = high / Double(count)
    let power = powerOfTen(atMost: raw)
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    return Array(stride(from: 0, through: high, by: step))
  }

  /// Powers of ten between the two, and their doubles and fives where at most `most` come together.
  static func logTicks(from low: Double, to high: Double, most: Int) -> [Double] {
    for factors in [[1.0, 2, 5], [1, 3], [1]] {
      var ticks: [Double] = []
      var power = powerOfTen(atMost: low)
      while power <= high {
        ticks += factors.map { $0 * power }.filter { $0 >= low && $0 <= high }
        power *= 10
      }
      if ticks.count <= most || factors.count == 1 { return ticks }
    }
    return []
  }
}
