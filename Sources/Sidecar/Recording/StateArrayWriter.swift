/// The elements of an array under construction.
struct StateArrayWriter: UnkeyedEncodingContainer {
  let node: StateEncoder.Node
  let codingPath: [any CodingKey]

  var count: Int { node.count }

  func encodeNil() { _ = node.append() }

  func encode(_ value: some Encodable) throws { try StateEncoder.write(value, into: node.append(), codingPath) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    StateEncoder(node: node.append(), codingPath: codingPath).container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    StateEncoder(node: node.append(), codingPath: codingPath).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { StateEncoder(node: node.append(), codingPath: codingPath) }
}
