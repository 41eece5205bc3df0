import WireProtocol

/// The elements of an array that is read.
struct StateArrayReader: UnkeyedDecodingContainer {
  let elements: [JSONValue]
  let codingPath: [any CodingKey]
  private(set) var currentIndex = 0

  init(elements: [JSONValue], codingPath: [any CodingKey]) {
    self.elements = elements
    self.codingPath = codingPath
  }

  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd else { throw end(JSONValue.self) }
    guard elements[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try StateDecoder.read(type, try next(type), codingPath)
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try StateDecoder(try next(type), codingPath: codingPath).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try StateDecoder(try next([JSONValue].self), codingPath: codingPath).unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder {
    StateDecoder(try next(JSONValue.self), codingPath: codingPath)
  }

  private mutating func next(_ type: any Any.Type) throws -> JSONValue {
    guard !isAtEnd else { throw end(type) }
    currentIndex += 1
    return elements[currentIndex - 1]
  }

  private func end(_ type: any Any.Type) -> DecodingError {
    .valueNotFound(
      type, .init(codingPath: codingPath, debugDescription: "the array has only \(elements.count) elements"))
  }
}
