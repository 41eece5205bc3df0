import WireProtocol

/// Valid messages with one to three values replaced, removed or added.
struct Mutation {
  var random: SeededGenerator
  /// What a value is replaced with.
  let values: [JSONValue]
  /// Names of added members.
  let names: [String]

  mutating func mutate(_ message: JSONValue) -> JSONValue {
    var result = message
    for _ in 0..<Int.random(in: 0...3, using: &random) { result = edit(result) }
    return result
  }

  private mutating func edit(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(var object) where !object.isEmpty && Int.random(in: 0..<12, using: &random) > 0:
      let index = Int.random(in: 0..<object.members.count, using: &random)
      switch Int.random(in: 0..<14, using: &random) {
      case 0: object.members.remove(at: index)
      case 1:
        let name = names.randomElement(using: &random) ?? ""
        object[name] = values.randomElement(using: &random)
      default: object.members[index].value = edit(object.members[index].value)
      }
      return .object(object)
    case .array(var elements) where !elements.isEmpty && Int.random(in: 0..<8, using: &random) > 0:
      let index = Int.random(in: 0..<elements.count, using: &random)
      elements[index] = edit(elements[index])
      return .array(elements)
    default: return values.randomElement(using: &random) ?? .null
    }
  }
}
