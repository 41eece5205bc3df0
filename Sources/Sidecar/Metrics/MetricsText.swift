/// The Prometheus text format, version 0.0.4: families in the order of the table, each with its HELP and TYPE, and
/// never more series than the limit.
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  /// Whatever clients send.
  static let seriesLimit = 2_000

  private var samples: [MetricFamily: [(labels: [String], value: Double)]] = [:]
  private var histograms: [MetricFamily: [(labels: [String], histogram: LatencyHistogram)]] = [:]
  private(set) var seriesCount = 1

  /// - Parameter labels: values of the family's labels, in order.
  mutating func add(_ family: MetricFamily, _ labels: [String] = [], _ value: Double) {
    guard seriesCount < Self.seriesLimit else { return }
    seriesCount += 1
    samples[family, default: []].append((labels, value))
  }

  mutating func add(_ family: MetricFamily, _ labels: [String] = [], _ histogram: LatencyHistogram) {
    let series = histogram.counts.count + 2
    guard seriesCount + series <= Self.seriesLimit else { return }
    seriesCount += series
    histograms[family, default: []].append((labels, histogram))
  }

  var text: String {
    var text = ""
    for family in MetricFamily.allCases {
      text += "# HELP \(family.rawValue) \(family.help)\n# TYPE \(family.rawValue) \(family.kind.rawValue)\n"
      if family == .series { text += "\(family.rawValue) \(seriesCount)\n" }
      for sample in samples[family] ?? [] {
        text += "\(family.rawValue)\(Self.labels(family.labels, sample.labels)) \(Self.number(sample.value))\n"
      }
      for entry in histograms[family] ?? [] { Self.write(family, entry.labels, entry.histogram, into: &text) }
    }
    return text
  }

  private static func write(
    _ family: MetricFamily, _ values: [String], _ histogram: LatencyHistogram, into text: inout String
  ) {
    var total = 0
    for (index, count) in histogram.counts.enumerated() {
      total &+= count
      let bound = index < histogram.boundsUs.count ? number(Double(histogram.boundsUs[index]) / 1e6) : "+Inf"
      text += "\(family.rawValue)_bucket\(labels(family.labels + ["le"], values + [bound])) \(total)\n"
    }
    text += "\(family.rawValue)_sum\(labels(family.labels, values)) \(number(Double(histogram.sumUs) / 1e6))\n"
    text += "\(family.rawValue)_count\(labels(family.labels, values)) \(total)\n"
  }

  private static func labels(_ names: [String], _ values: [String]) -> String {
    guard !names.isEmpty else { return "" }
    return "{" + zip(names, values).map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
  }

  /// Backslash, quote and line feed, as the format asks.
  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Whole numbers without a fraction.
  private static func number(_ value: Double) -> String {
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return value.isNaN ? "NaN" : "\(value)"
  }
}
