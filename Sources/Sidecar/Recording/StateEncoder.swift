import WireProtocol

/// Encodes any Codable state as JSON, with every member by name: what a recording starts from. Used off the hot path.
final class StateEncoder: Encoder {
  /// A value under construction; containers hand out nodes that are filled later.
  final class Node {
    enum Content {
      case value(JSONValue)
      case array([Node])
      case object([(name: String, node: Node)])
    }

    var content = Content.value(.null)

    var json: JSONValue {
      switch content {
      case .value(let value): value
      case .array(let nodes): .array(nodes.map(\.json))
      case .object(let members): .object(JSONObject(members.map { JSONObject.Member($0.name, $0.node.json) }))
      }
    }

    func append() -> Node {
      let node = Node()
      guard case .array(var nodes) = content else {
        content = .array([node])
        return node
      }
      // Emptied first, so that the array is not copied.
      content = .value(.null)
      nodes.append(node)
      content = .array(nodes)
      return node
    }

    func add(_ name: String) -> Node {
      let node = Node()
      guard case .object(var members) = content else {
        content = .object([(name, node)])
        return node
      }
      content = .value(.null)
      members.append((name, node))
      content = .object(members)
      return node
    }

    var count: Int { if case .array(let nodes) = content { nodes.count } else { 0 } }
  }

  let codingPath: [any CodingKey]
  let userInfo: [CodingUserInfoKey: Any] = [:]
  let node: Node
  /// Whose `encode(to:)` this is; nil at the top.
  private let type: Any.Type?

  init(node: Node = Node(), codingPath: [any CodingKey] = [], type: Any.Type? = nil) {
    self.node = node
    self.type = type
    self.codingPath = codingPath
  }

  static func json(_ state: some Encodable) throws -> JSONValue {
    let encoder = StateEncoder()
    try state.encode(to: encoder)
    return encoder.node.json
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .object = node.content {} else { node.content = .object([]) }
    return KeyedEncodingContainer(StateKeyedWriter<Key>(node: node, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .array = node.content {} else { node.content = .array([]) }
    return StateArrayWriter(node: node, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    StateValueWriter(node: node, codingPath: codingPath, outer: type)
  }

  /// Scalars have short cuts: everything else encodes itself.
  static func write(_ value: some Encodable, into node: Node, _ codingPath: [any CodingKey]) throws {
    switch value {
    case let value as String: node.content = .value(.string(value))
    case let value as Bool: node.content = .value(.bool(value))
    case let value as Double: node.content = .value(number(value))
    case let value as Float: node.content = .value(number(Double(value)))
    case let value as any FixedWidthInteger: node.content = .value(JSONValue(value))
    default: try value.encode(to: StateEncoder(node: node, codingPath: codingPath, type: Swift.type(of: value)))
    }
  }

  /// JSON has no infinities: those are words.
  private static func number(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value) : .string(value.description)
  }
}
