import WireProtocol

/// Reads one object of a policy file. Absent members leave their target as it is; everything wrong goes to the sink.
struct PolicyReader {
  let object: JSONObject
  private let path: String
  private let sink: PolicyErrorSink

  /// - Parameters:
  ///   - fields: every member that may be there; others are errors.
  ///   - required: those that must be there.
  init?(_ json: JSONValue, path: String, fields: [String], required: [String], sink: PolicyErrorSink) {
    self.path = path
    self.sink = sink
    guard let object = json.objectValue else {
      sink.add(
        PolicyError(pointer: path, message: "wrong type", expected: "an object", found: Self.shown(json)))
      return nil
    }
    self.object = object
    for name in object.names where !fields.contains(name) {
      sink.add(
        PolicyError(
          pointer: pointer(name), message: "unknown member", expected: "one of \(fields.joined(separator: ", "))",
          found: "\"\(name)\"", didYouMean: Spelling.nearest(to: name, among: fields)))
    }
    for name in required where object[name] == nil {
      sink.add(
        PolicyError(pointer: pointer(name), message: "missing", expected: "the member \(name)", found: "nothing"))
    }
  }

  func integer(_ name: String, in range: ClosedRange<Int>, into target: inout Int) {
    guard let value = object[name] else { return }
    guard let number = value.integerValue, range.contains(number) else {
      return report(name, value, isType: value.doubleValue != nil, "an integer from \(Self.words(range))")
    }
    target = number
  }

  /// null stands for the engine's own limit.
  func integerOrNull(_ name: String, in range: ClosedRange<Int>, into target: inout Int?) {
    guard let value = object[name] else { return }
    if value.isNull {
      target = nil
    } else if let number = value.integerValue, range.contains(number) {
      target = number
    } else {
      report(name, value, isType: value.doubleValue != nil, "null or an integer from \(Self.words(range))")
    }
  }

  func boolean(_ name: String, into target: inout Bool) {
    guard let value = object[name] else { return }
    guard let flag = value.boolValue else { return report(name, value, isType: false, "true or false") }
    target = flag
  }

  /// A share from 0 to `most`, in parts per million.
  func ratioPpm(_ name: String, most: Double, into target: inout Int) {
    guard let value = object[name] else { return }
    guard let ratio = value.doubleValue, ratio >= 0, ratio <= most else {
      return report(name, value, isType: value.doubleValue != nil, "a number from 0 to \(most)")
    }
    target = Int((ratio * 1_000_000).rounded())
  }

  /// Text of a length in Unicode scalars, as JSON Schema counts.
  func text(_ name: String, length: ClosedRange<Int>, into target: inout String) {
    guard let value = object[name] else { return }
    guard let text = value.stringValue, length.contains(text.unicodeScalars.count) else {
      return report(
        name, value, isType: value.stringValue != nil, "a string of \(Self.words(length)) characters")
    }
    target = text
  }

  /// A name: letters, digits, `.`, `_` and `-`, the first a letter or digit.
  func name(_ name: String, into target: inout String) {
    guard let value = object[name] else { return }
    guard let text = value.stringValue, PolicyLimits.isName(text) else {
      return report(
        name, value, isType: value.stringValue != nil,
        "a name: 1 to \(PolicyLimits.nameLength) of a-z A-Z 0-9 . _ -, the first a letter or digit")
    }
    target = text
  }

  func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String, into target: inout Choice) {
    guard let word = choice(name, among: Choice.allCases.map(\.rawValue)) else { return }
    if let choice = Choice(rawValue: word) { target = choice }
  }

  /// The member's word if it is one of `words`; nil if it is absent or, reported, something else.
  func choice(_ name: String, among words: [String]) -> String? {
    guard let value = object[name] else { return nil }
    if let word = value.stringValue, words.contains(word) { return word }
    sink.add(
      PolicyError(
        pointer: pointer(name), message: value.stringValue == nil ? "wrong type" : "unknown \(name)",
        expected: "one of \(words.joined(separator: ", "))", found: Self.shown(value),
        didYouMean: value.stringValue.flatMap { Spelling.nearest(to: $0, among: words) }))
    return nil
  }

  /// An array of `count` elements; nil if it is absent or, reported, something else.
  func array(_ name: String, count: ClosedRange<Int>) -> [JSONValue]? {
    guard let value = object[name] else { return nil }
    if let elements = value.arrayValue, count.contains(elements.count) { return elements }
    let found = value.arrayValue.map { "\($0.count) entries" } ?? Self.shown(value)
    sink.add(
      PolicyError(
        pointer: pointer(name), message: value.arrayValue == nil ? "wrong type" : "wrong size",
        expected: "an array of \(Self.words(count)) entries", found: found))
    return nil
  }

  func pointer(_ name: String) -> String { "\(path)/\(name.replacing("~", with: "~0").replacing("/", with: "~1"))" }

  /// A value as errors quote it.
  static func shown(_ value: JSONValue) -> String {
    let text = value.text
    return text.count <= 60 ? text : "\(value.kind) (\(text.prefix(50))...)"
  }

  private static func words(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

  private func report(_ name: String, _ value: JSONValue, isType: Bool, _ expected: String) {
    sink.add(
      PolicyError(
        pointer: pointer(name), message: isType ? "out of range" : "wrong type", expected: expected,
        found: Self.shown(value)))
  }
}
