/// Any JSON document, for low-rate messages: policy files, status, snapshots. Integers are exact to 64 bits.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// Only for values above `Int64.max`.
  case unsigned(UInt64)
  /// Written with a fraction or an exponent.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Reads one document. - Throws: `JSONError` with offset and pointer.
  public init(parsing bytes: UnsafeRawBufferPointer, limits: WireLimits = WireLimits()) throws(JSONError) {
    var reader = try JSONReader(bytes, depthLimit: limits.depth)
    self = try Self(&reader)
    try reader.finish()
  }

  public init(parsing bytes: [UInt8], limits: WireLimits = WireLimits()) throws(JSONError) {
    let result = bytes.withUnsafeBytes { (buffer) -> Result<JSONValue, JSONError> in
      do throws(JSONError) { return .success(try JSONValue(parsing: buffer, limits: limits)) } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  public init(parsing text: String, limits: WireLimits = WireLimits()) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }

  /// Reads the next value of a reader.
  public init(_ reader: inout JSONReader) throws(JSONError) {
    switch try reader.peek() {
    case UInt8(ascii: "{"):
      var object = JSONObject()
      try reader.object { (key, reader) throws(JSONError) in
        object.members.append(JSONObject.Member(key.string, try JSONValue(&reader)))
      }
      self = .object(object)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try reader.array { (_, reader) throws(JSONError) in elements.append(try JSONValue(&reader)) }
      self = .array(elements)
    case UInt8(ascii: "\""): self = .string(try reader.string())
    case UInt8(ascii: "t"), UInt8(ascii: "f"): self = .bool(try reader.bool())
    case UInt8(ascii: "n"):
      guard try reader.null() else { throw reader.unexpected("a value") }
      self = .null
    default: self = try Self.number(&reader)
    }
  }

  private static func number(_ reader: inout JSONReader) throws(JSONError) -> JSONValue {
    let (token, isInteger) = try reader.numberToken()
    let text = String(decoding: token, as: UTF8.self)
    if isInteger {
      if let value = Int64(text) { return .integer(value) }
      if let value = UInt64(text) { return .unsigned(value) }
      throw reader.invalid("integer beyond 64 bits")
    }
    guard let value = Double(text), value.isFinite else { throw reader.invalid("number beyond double precision") }
    return .number(value)
  }

  // MARK: - Access

  public subscript(name: String) -> JSONValue? { objectValue?[name] }

  public subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
  public var isNull: Bool { self == .null }

  /// An integer, or a number without a fraction that fits.
  public var integerValue: Int? {
    switch self {
    case .integer(let value): Int(value)
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  public var unsignedValue: UInt64? {
    switch self {
    case .integer(let value): UInt64(exactly: value)
    case .unsigned(let value): value
    default: nil
    }
  }

  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// What it is, in words, for error messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .unsigned: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

// MARK: - Writing

extension JSONValue {
  public func write(into writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .integer(let value): writer.integer(value)
    case .unsigned(let value): writer.integer(value)
    case .number(let value): writer.number(value)
    case .string(let value): writer.string(value)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(into: &writer) }
      writer.endArray()
    case .object(let object):
      writer.beginObject()
      for member in object.members {
        writer.key(member.name)
        member.value.write(into: &writer)
      }
      writer.endObject()
    }
  }

  /// Compact text.
  public var text: String {
    var writer = JSONWriter()
    write(into: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Text for people: two spaces per level, short arrays of scalars on one line.
  public func pretty(indent: Int = 0) -> String {
    let pad = String(repeating: " ", count: indent + 2)
    let end = String(repeating: " ", count: indent)
    switch self {
    case .array(let elements) where elements.contains { $0.isContainer }:
      return "[\n" + elements.map { pad + $0.pretty(indent: indent + 2) }.joined(separator: ",\n") + "\n\(end)]"
    case .array(let elements): return "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .object(let object) where !object.isEmpty:
      let lines = object.members.map { member in
        "\(pad)\(JSONValue.string(member.name).text): \(member.value.pretty(indent: indent + 2))"
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(end)}"
    default: return text
    }
  }

  private var isContainer: Bool {
    switch self {
    case .array, .object: true
    default: false
    }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member($0.0, $0.1) }))
  }

  /// An integer of any width that fits 64 bits.
  public init(_ value: some FixedWidthInteger) {
    if let signed = Int64(exactly: value) { self = .integer(signed) } else { self = .unsigned(UInt64(value)) }
  }
}
