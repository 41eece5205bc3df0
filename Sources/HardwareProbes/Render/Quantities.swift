/// Numbers as people read them.
enum Quantities {
  /// Bytes with a binary unit and three figures: "5.46 GiB".
  static func bytes(_ value: Int) -> String {
    var scaled = Double(value)
    var unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while scaled.magnitude >= 1_000, unit + 1 < units.count {
      scaled /= 1_024
      unit += 1
    }
    if unit == 0 { return "\(value) B" }
    return decimal(scaled, places: scaled.magnitude < 10 ? 2 : scaled.magnitude < 100 ? 1 : 0) + " "
      + units[unit]
  }

  /// Cache sizes are powers of two or small multiples: "480 MiB", "1.25 MiB".
  static func cacheBytes(_ value: Int) -> String {
    for (size, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] where value >= size {
      if value.isMultiple(of: size) { return "\(value / size) \(unit)" }
    }
    return bytes(value)
  }

  static func percent(_ value: Double) -> String { decimal(value, places: 2) + " %" }

  static func share(_ part: Int, of whole: Int) -> String {
    whole > 0 ? decimal(100 * Double(part) / Double(whole), places: 0) + " %" : "-"
  }

  /// Megabytes per second as "450 GB/s".
  static func bandwidth(mbS: Int) -> String {
    mbS >= 1_000
      ? decimal(Double(mbS) / 1_000, places: mbS.isMultiple(of: 1_000) ? 0 : 1) + " GB/s"
      : "\(mbS) MB/s"
  }

  static func age(ms: Int) -> String {
    switch ms {
    case ..<1_000: "\(ms) ms"
    case ..<120_000: "\(ms / 1_000) s"
    case ..<7_200_000: "\(ms / 60_000) min"
    default: "\(ms / 3_600_000) h"
    }
  }

  /// "1 core", "2 cores".
  static func count(_ value: Int, _ singular: String, _ plural: String? = nil) -> String {
    "\(value) " + (value == 1 ? singular : plural ?? singular + "s")
  }

  static func decimal(_ value: Double, places: Int) -> String {
    let scale = (0..<places).reduce(1) { product, _ in product * 10 }
    guard value.isFinite, value.magnitude < 1e12 else { return "-" }
    let scaled = Int((value * Double(scale)).rounded())
    guard places > 0 else { return "\(scaled)" }
    let fraction = String(scaled.magnitude % scale.magnitude)
    let zeros = String(repeating: "0", count: places - fraction.count)
    return (scaled < 0 ? "-" : "") + "\(scaled.magnitude / scale.magnitude)." + zeros + fraction
  }
}
