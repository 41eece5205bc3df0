/// Numbers as people read them.
enum Quantity {
  /// 1234567 as "1,234,567".
  static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// Three significant figures with a decimal prefix: 123456 as "123k".
  static func short(_ value: Double) -> String {
    let units: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
    for (scale, unit) in units where value.magnitude >= scale { return figures(value / scale) + unit }
    return figures(value)
  }

  /// Microseconds with a unit that fits: "850 us", "12.3 ms", "4.56 s", "3m05s", "2h07m", "4d03h".
  static func duration(us: Int) -> String {
    let seconds = us / 1_000_000
    return switch us.magnitude {
    case 0..<1000: "\(us) us"
    case 1000..<1_000_000: figures(Double(us) / 1e3) + " ms"
    case 1_000_000..<60_000_000: figures(Double(us) / 1e6) + " s"
    case 60_000_000..<3_600_000_000: "\(seconds / 60)m\(twoDigits(seconds % 60))s"
    case 3_600_000_000..<86_400_000_000: "\(seconds / 3600)h\(twoDigits(seconds / 60 % 60))m"
    default: "\(seconds / 86_400)d\(twoDigits(seconds / 3600 % 24))h"
    }
  }

  /// With a fixed number of decimals, rounded half away from zero.
  static func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "-" }
    let scale = (0..<places).reduce(1.0) { result, _ in result * 10 }
    guard value.magnitude * scale < 9e15 else { return value.description }
    let scaled = Int((value * scale).rounded())
    guard places > 0 else { return String(scaled) }
    let digits = String(scaled.magnitude)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (scaled < 0 ? "-" : "") + padded.dropLast(places) + "." + padded.suffix(places)
  }

  static func percent(_ part: Int, of whole: Int) -> String {
    whole > 0 ? decimal(100 * Double(part) / Double(whole), places: 1) + "%" : "-"
  }

  private static func figures(_ value: Double) -> String {
    decimal(value, places: value.magnitude < 10 ? 2 : value.magnitude < 100 ? 1 : 0)
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
