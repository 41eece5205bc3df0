/// The members of an object under construction.
struct StateKeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let node: StateEncoder.Node
  let codingPath: [any CodingKey]

  func encodeNil(forKey key: Key) { _ = node.add(key.stringValue) }

  func encode(_ value: some Encodable, forKey key: Key) throws {
    try StateEncoder.write(value, into: node.add(key.stringValue), codingPath + [key])
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    StateEncoder(node: node.add(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    StateEncoder(node: node.add(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { StateEncoder(node: node.add("super"), codingPath: codingPath) }

  func superEncoder(forKey key: Key) -> any Encoder {
    StateEncoder(node: node.add(key.stringValue), codingPath: codingPath + [key])
  }
}
