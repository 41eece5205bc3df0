import WireProtocol

/// Decodes what `StateEncoder` wrote.
struct StateDecoder: Decoder {
  let json: JSONValue
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ json: JSONValue, codingPath: [any CodingKey] = []) {
    self.json = json
    self.codingPath = codingPath
  }

  static func decode<State: Decodable>(_ type: State.Type, from json: JSONValue) throws -> State {
    try State(from: StateDecoder(json))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard let object = json.objectValue else { throw Self.mismatch([String: JSONValue].self, json, codingPath) }
    return KeyedDecodingContainer(StateKeyedReader<Key>(object: object, codingPath: codingPath))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard let elements = json.arrayValue else { throw Self.mismatch([JSONValue].self, json, codingPath) }
    return StateArrayReader(elements: elements, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer {
    StateValueReader(json: json, codingPath: codingPath)
  }

  /// Scalars have short cuts: everything else decodes itself.
  static func read<Value: Decodable>(
    _ type: Value.Type, _ json: JSONValue, _ codingPath: @autoclosure () -> [any CodingKey]
  ) throws -> Value {
    let scalar: Any? =
      switch type {
      case is String.Type: json.stringValue
      case is Bool.Type: json.boolValue
      case is Double.Type: number(json)
      case is Float.Type: number(json).map { Float($0) }
      case let integer as any FixedWidthInteger.Type: Self.integer(integer, json)
      default: nil
      }
    if let value = scalar as? Value { return value }
    if type is String.Type || type is Bool.Type || type is Double.Type || type is Float.Type
      || type is any FixedWidthInteger.Type
    {
      throw mismatch(type, json, codingPath())
    }
    return try Value(from: StateDecoder(json, codingPath: codingPath()))
  }

  /// A number, or the word for one that JSON does not have.
  private static func number(_ json: JSONValue) -> Double? { json.doubleValue ?? json.stringValue.flatMap(Double.init) }

  private static func integer<Number: FixedWidthInteger>(_ type: Number.Type, _ json: JSONValue) -> Number? {
    switch json {
    case .integer(let value): Number(exactly: value)
    case .unsigned(let value): Number(exactly: value)
    default: nil
    }
  }

  static func mismatch(_ type: any Any.Type, _ json: JSONValue, _ codingPath: [any CodingKey]) -> DecodingError {
    .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "expected \(type), found \(json.kind)"))
  }
}
