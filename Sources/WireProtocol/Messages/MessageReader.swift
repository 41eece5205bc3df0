/// Reads members of a low-rate message, with errors that name the field and what was expected.
public struct MessageReader {
  public let object: JSONObject
  /// JSON pointer of the object.
  public let path: String

  public init(_ json: JSONValue, path: String = "") throws(CallError) {
    guard let object = json.objectValue else {
      throw .invalid(field: path, "expected an object, found \(json.kind)")
    }
    self.object = object
    self.path = path
  }

  public func integer(
    _ name: String, in range: ClosedRange<Int> = 0...StepCodec.countMax, default fallback: Int? = nil
  ) throws(CallError) -> Int {
    guard let value = object[name] else {
      if let fallback { return fallback }
      throw missing(name, "an integer")
    }
    guard let number = value.integerValue, range.contains(number) else {
      throw wrong(name, value, "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  public func string(_ name: String, maxBytes: Int = 256, default fallback: String? = nil) throws(CallError) -> String {
    guard let value = object[name] else {
      if let fallback { return fallback }
      throw missing(name, "a string")
    }
    guard let text = value.stringValue, text.utf8.count <= maxBytes else {
      throw wrong(name, value, "a string of at most \(maxBytes) bytes")
    }
    return text
  }

  public func bool(_ name: String, default fallback: Bool) throws(CallError) -> Bool {
    guard let value = object[name] else { return fallback }
    guard let flag = value.boolValue else { throw wrong(name, value, "true or false") }
    return flag
  }

  /// A member that is an object; nil when absent or null.
  public func objectIfPresent(_ name: String) throws(CallError) -> MessageReader? {
    guard let value = object[name], !value.isNull else { return nil }
    return try MessageReader(value, path: pointer(name))
  }

  public func member(_ name: String) throws(CallError) -> MessageReader {
    guard let value = object[name] else { throw missing(name, "an object") }
    return try MessageReader(value, path: pointer(name))
  }

  public func array(_ name: String, max: Int, default fallback: [JSONValue]? = nil) throws(CallError) -> [JSONValue] {
    guard let value = object[name] else {
      if let fallback { return fallback }
      throw missing(name, "an array")
    }
    guard let elements = value.arrayValue, elements.count <= max else {
      throw wrong(name, value, "an array of at most \(max) elements")
    }
    return elements
  }

  /// A word of a closed set.
  public func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ name: String, default fallback: Choice
  ) throws(CallError) -> Choice {
    guard let value = object[name] else { return fallback }
    return try Self.choice(value, pointer(name))
  }

  public static func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ value: JSONValue, _ pointer: String
  ) throws(CallError) -> Choice {
    guard let text = value.stringValue, let choice = Choice(rawValue: text) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalid(field: pointer, "\(JSONText.excerpt(value.text)); expected one of \(words)")
    }
    return choice
  }

  public func pointer(_ name: String) -> String { "\(path)/\(name)" }

  private func missing(_ name: String, _ expected: String) -> CallError {
    .invalid(field: pointer(name), "missing; expected \(expected)")
  }

  private func wrong(_ name: String, _ value: JSONValue, _ expected: String) -> CallError {
    .invalid(field: pointer(name), "\(JSONText.excerpt(value.text)); expected \(expected)")
  }
}
