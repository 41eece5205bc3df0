import WireProtocol

/// How much time waiting requests have left to the objective of their first token.
struct SlackHistogram: Equatable {
  /// Upper bounds of the buckets in microseconds, the last one without; the first one is for those that are late.
  static let bounds: [(title: String, us: Int)] = [
    ("late", 0), ("<100 ms", 100_000), ("<1 s", 1_000_000), ("<10 s", 10_000_000),
  ]
  static let rest = "more"

  private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)

  /// - Parameters:
  ///   - requests: of Admin/Requests.
  ///   - policy: every member stated; a class that it does not know has the objective of the default class.
  init(_ requests: [JSONValue], policy: JSONValue) {
    var objectives: [String: Int] = [:]
    for entry in policy["classes"]?.arrayValue ?? [] {
      guard let name = entry["name"]?.stringValue else { continue }
      objectives[name] = entry["ttft_slo_ms"]?.integerValue
    }
    let fallback = objectives[policy["default_class"]?.stringValue ?? ""]
    for request in requests where request["running"]?.boolValue == false && request["output"]?.integerValue == 0 {
      guard let ttftMs = objectives[request["class"]?.stringValue ?? ""] ?? fallback else { continue }
      let slackUs = ttftMs * 1000 - (request["age_us"]?.integerValue ?? 0)
      counts[Self.bounds.firstIndex { slackUs < $0.us } ?? Self.bounds.count] += 1
    }
  }

  var titles: [String] { Self.bounds.map(\.title) + [Self.rest] }

  var line: String {
    guard counts.contains(where: { $0 > 0 }) else { return "slack of waiting requests: none waits for its first token" }
    return "slack of waiting requests: "
      + zip(titles, counts).map { "\($0) \(Quantity.count($1))" }.joined(separator: " | ")
  }

  var json: JSONValue { .object(JSONObject(zip(titles, counts).map { JSONObject.Member($0, JSONValue($1)) })) }
}
