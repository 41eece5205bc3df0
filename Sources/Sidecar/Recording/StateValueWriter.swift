/// One value under construction.
struct StateValueWriter: SingleValueEncodingContainer {
  let node: StateEncoder.Node
  let codingPath: [any CodingKey]
  /// Whose `encode(to:)` asked for this container.
  let outer: Any.Type?

  func encodeNil() { node.content = .value(.null) }

  func encode(_ value: some Encodable) throws {
    // A scalar that `StateEncoder` does not know would ask for itself without end.
    guard type(of: value) != outer else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: codingPath, debugDescription: "no way to write \(type(of: value))"))
    }
    try StateEncoder.write(value, into: node, codingPath)
  }
}
