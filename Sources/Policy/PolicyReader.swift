import WireProtocol

/// Reads one object of a policy file and collects what is wrong instead of stopping at the first.
struct PolicyReader {
  let object: JSONObject
  let path: String
  private(set) var errors: [PolicyError] = []

  /// - Parameter names: every member that may be there; others are errors.
  init(_ json: JSONValue, path: String, names: [String], errors: inout [PolicyError]) {
    self.path = path
    guard let object = json.objectValue else {
      self.object = JSONObject()
      errors.append(
        PolicyError(pointer: path, message: "wrong type", expected: "an object", found: Self.shown(json)))
      return
    }
    self.object = object
    for name in object.names where !names.contains(name) {
      self.errors.append(
        PolicyError(
          pointer: "\(path)/\(Self.escaped(name))", message: "unknown member",
          expected: "one of \(names.joined(separator: ", "))", found: "\"\(name)\"",
          didYouMean: Spelling.nearest(to: name, among: names)))
    }
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>, _ set: (Int) -> Void) {
    guard let value = object[name] else { return }
    guard let number = value.integerValue, range.contains(number) else {
      return wrong(name, value, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    set(number)
  }

  /// null stands for the engine's own limit.
  mutating func integerOrNull(_ name: String, in range: ClosedRange<Int>, _ set: (Int?) -> Void) {
    guard let value = object[name] else { return }
    if value.isNull { return set(nil) }
    guard let number = value.integerValue, range.contains(number) else {
      return wrong(name, value, "null or an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    set(number)
  }

  /// A share from 0 to `most`, in parts per million.
  mutating func ratioPpm(_ name: String, most: Double, _ set: (Int) -> Void) {
    guard let value = object[name] else { return }
    guard let ratio = value.doubleValue, ratio >= 0, ratio <= most else {
      return wrong(name, value, "a number from 0 to \(most)")
    }
    set(Int(ratio * 1_000_000 + 0.5))
  }

  mutating func string(_ name: String, bytes: ClosedRange<Int>, _ set: (String) -> Void) {
    guard let value = object[name] else { return }
    guard let text = value.stringValue, bytes.contains(text.utf8.count) else {
      return wrong(name, value, "a string of \(bytes.lowerBound) to \(bytes.upperBound) bytes")
    }
    set(text)
  }

  mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String, _ set: (Choice) -> Void) {
    guard let value = object[name] else { return }
    let words = Choice.allCases.map(\.rawValue)
    guard let choice = value.stringValue.flatMap(Choice.init(rawValue:)) else {
      errors.append(
        PolicyError(
          pointer: pointer(name), message: "unknown value", expected: "one of \(words.joined(separator: ", "))",
          found: Self.shown(value),
          didYouMean: value.stringValue.flatMap { Spelling.nearest(to: $0, among: words) }))
      return
    }
    set(choice)
  }

  mutating func require(_ name: String, _ expected: String) {
    if object[name] == nil {
      errors.append(PolicyError(pointer: pointer(name), message: "missing", expected: expected, found: "nothing"))
    }
  }

  mutating func wrong(_ name: String, _ value: JSONValue, _ expected: String) {
    let isType = expected.hasPrefix("an array") || expected.hasPrefix("a string")
    errors.append(
      PolicyError(
        pointer: pointer(name), message: isType ? "wrong value" : "wrong type or out of range", expected: expected,
        found: Self.shown(value)))
  }

  mutating func add(_ error: PolicyError) { errors.append(error) }

  func pointer(_ name: String) -> String { "\(path)/\(Self.escaped(name))" }

  /// A value as errors quote it.
  static func shown(_ value: JSONValue) -> String {
    let text = value.text
    return text.count <= 60 ? text : "\(value.kind) (\(text.prefix(50))...)"
  }

  static func escaped(_ name: String) -> String {
    name.replacing("~", with: "~0").replacing("/", with: "~1")
  }
}
