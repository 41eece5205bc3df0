import WireProtocol

/// The types of JSON Schema.
enum SchemaType: String, CaseIterable {
  case null, boolean, object, array, number, string, integer

  /// Whether a value is of the type. A number without a fraction is an integer, however it is written.
  func includes(_ value: JSONValue) -> Bool {
    switch (self, value) {
    case (.null, .null), (.boolean, .bool), (.object, .object), (.array, .array), (.string, .string): true
    case (.number, .integer), (.number, .unsigned), (.number, .number): true
    case (.integer, .integer), (.integer, .unsigned): true
    case (.integer, .number(let number)): number == number.rounded()
    default: false
    }
  }

  var words: String {
    switch self {
    case .null: "null"
    case .object, .array, .integer: "an \(rawValue)"
    case .boolean, .number, .string: "a \(rawValue)"
    }
  }
}
