import WireProtocol

/// One leaf of a snapshot document as text: the value, or why there is none; an old value says how old it is.
struct LeafView {
  let json: JSONValue?

  init(_ json: JSONValue?) { self.json = json }

  var status: String { json?["status"]?.stringValue ?? "unsupported" }
  var isOK: Bool { status == "ok" }
  var integer: Int? { json?["value"]?.integerValue }
  var number: Double? { json?["value"]?.doubleValue }
  var bool: Bool? { json?["value"]?.boolValue }
  var string: String? { json?["value"]?.stringValue }

  /// The value by `show`, or the status in brackets.
  func text(_ show: (JSONValue) -> String) -> String {
    guard let value = json?["value"], !value.isNull else { return "(\(status))" }
    return isOK ? show(value) : "\(show(value)) (\(note))"
  }

  var bytes: String { text { Quantities.bytes($0.integerValue ?? 0) } }
  var list: String { text { $0.stringValue.map { $0.isEmpty ? "none" : $0 } ?? $0.text } }

  private var note: String {
    guard let age = json?["age_ms"]?.integerValue else { return status }
    return "\(status), \(Quantities.age(ms: age)) old"
  }
}
