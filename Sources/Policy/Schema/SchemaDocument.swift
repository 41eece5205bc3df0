import WireProtocol

/// One schema file, looked through: every keyword is known and has a value of its kind.
struct SchemaDocument {
  static let depthLimit = 64

  let root: JSONValue
  /// Every schema in it, by JSON pointer.
  private(set) var schemas: [String: JSONValue] = [:]
  /// Every `$ref` as it is written, with the pointer to the schema that has it.
  private(set) var references: [(pointer: String, target: String)] = []
  private(set) var patterns: [String] = []

  init(_ root: JSONValue) throws(SchemaFault) {
    self.root = root
    try visit(root, pointer: "", depth: 0)
  }

  /// The document's own `$id`, without an empty fragment.
  var identifier: String {
    let id = root["$id"]?.stringValue ?? ""
    return id.hasSuffix("#") ? String(id.dropLast()) : id
  }

  private mutating func visit(_ schema: JSONValue, pointer: String, depth: Int) throws(SchemaFault) {
    guard depth < Self.depthLimit else { throw SchemaFault(pointer: pointer, reason: "nested too deeply") }
    schemas[pointer] = schema
    if schema.boolValue != nil { return }
    guard let object = schema.objectValue else {
      throw SchemaFault(pointer: pointer, reason: "a schema is an object, true or false; found \(schema.kind)")
    }
    for member in object.members {
      let place = "\(pointer)/\(SchemaPointer.escape(member.name))"
      guard let keyword = SchemaKeyword(rawValue: member.name) else {
        throw SchemaFault(pointer: place, reason: "unknown keyword")
      }
      guard pointer.isEmpty || !keyword.isForRootOnly else {
        throw SchemaFault(pointer: place, reason: "only the root of a document may have it")
      }
      try visit(keyword, member.value, place, schema: pointer, depth)
    }
  }

  private mutating func visit(
    _ keyword: SchemaKeyword, _ value: JSONValue, _ place: String, schema: String, _ depth: Int
  ) throws(SchemaFault) {
    guard Self.isOperand(value, keyword.operand) else {
      throw SchemaFault(pointer: place, reason: "not a value for \(keyword.rawValue): \(value.kind)")
    }
    switch keyword.operand {
    case .schema: try visit(value, pointer: place, depth: depth + 1)
    case .schemas:
      for (index, child) in (value.arrayValue ?? []).enumerated() {
        try visit(child, pointer: "\(place)/\(index)", depth: depth + 1)
      }
    case .namedSchemas:
      for member in value.objectValue?.members ?? [] {
        try visit(member.value, pointer: "\(place)/\(SchemaPointer.escape(member.name))", depth: depth + 1)
      }
    default: break
    }
    if keyword == .ref, let target = value.stringValue { references.append((schema, target)) }
    if keyword == .pattern, let pattern = value.stringValue { patterns.append(pattern) }
  }

  private static func isOperand(_ value: JSONValue, _ operand: SchemaKeyword.Operand) -> Bool {
    switch operand {
    case .anything, .schema: true
    case .schemas: value.arrayValue.map { !$0.isEmpty } ?? false
    case .namedSchemas: value.objectValue != nil
    case .text: value.stringValue != nil
    case .texts: value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
    case .count: value.integerValue.map { $0 >= 0 } ?? false
    case .number: value.doubleValue != nil
    case .values: value.arrayValue != nil
    case .types:
      (value.arrayValue ?? [value]).allSatisfy { $0.stringValue.flatMap(SchemaType.init(rawValue:)) != nil }
    }
  }
}
