import WireProtocol

/// One value that is read.
struct StateValueReader: SingleValueDecodingContainer {
  let json: JSONValue
  let codingPath: [any CodingKey]

  func decodeNil() -> Bool { json.isNull }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try StateDecoder.read(type, json, codingPath) }
}
