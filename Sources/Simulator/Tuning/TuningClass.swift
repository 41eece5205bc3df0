import WireProtocol

/// A class of the traffic, and whether its SLO can be met at all: alone, one request after the other on an idle engine.
public struct TuningClass: Hashable, Sendable {
  /// A class that keeps less of its SLO when it is alone has one that the engine cannot meet.
  public static let reachRatio = 0.99
  /// Requests that are tried, each on its own.
  static let requestsMax = 50
  /// Between two of them: longer than any takes.
  static let gapUs: Int64 = 3_600_000_000

  public let entry: ClassMix.Entry
  public let requests: Int
  public let aloneRatio: Double
  public let aloneTTFTP99Us: Int
  public let aloneTPOTP99Us: Int

  public var isReachable: Bool { aloneRatio >= Self.reachRatio }

  /// What is wrong with it, in one line each.
  func warnings(isListed: Bool, defaultClass: String) -> [String] {
    var lines: [String] = []
    if !isListed {
      lines.append("class \(entry.name): the policy does not list it; it is served as \(defaultClass)")
    }
    if !isReachable {
      lines.append(
        "class \(entry.name): alone on an idle engine \(TableText.percent(.number(aloneRatio))) is within SLO "
          + "(TTFT p99 \(Self.ms(aloneTTFTP99Us)) of \(entry.ttftSLOMs) ms, TPOT p99 \(Self.ms(aloneTPOTP99Us)) of "
          + "\(entry.tpotSLOMs) ms); no policy can do better")
    }
    return lines
  }

  private static func ms(_ us: Int) -> String { TableText.number(.number(Double(us) / 1000)) }

  var json: JSONValue {
    [
      "name": .string(entry.name), "requests": JSONValue(requests), "weight": JSONValue(entry.weight),
      "ttft_slo_ms": JSONValue(entry.ttftSLOMs), "tpot_slo_ms": JSONValue(entry.tpotSLOMs),
      "reachable": .bool(isReachable), "alone_within_slo_ratio": .number(aloneRatio),
      "alone_ttft_p99_ms": .number(Double(aloneTTFTP99Us) / 1000),
      "alone_tpot_p99_ms": .number(Double(aloneTPOTP99Us) / 1000),
    ]
  }
}
