/// One value under construction.
struct StateValueWriter: SingleValueEncodingContainer {
  let node: StateEncoder.Node
  let codingPath: [any CodingKey]

  func encodeNil() { node.content = .value(.null) }

  func encode(_ value: some Encodable) throws { try StateEncoder.write(value, into: node, codingPath) }
}
