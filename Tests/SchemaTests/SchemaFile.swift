import EmbeddedText
import Testing
import WireProtocol

/// One schema, as it is compiled in.
struct SchemaFile {
  let name: String
  let json: JSONValue

  init(_ name: String) throws {
    self.name = name
    json = try JSONValue(parsing: try #require(EmbeddedFile.bytes("Schemas/\(name).json"), "no schema \(name)"))
  }

  /// The subschema at a path of member names and indices.
  func at(_ path: String) throws -> JSONValue {
    var value = json
    for part in path.split(separator: "/") {
      let next = Int(part).flatMap { value[$0] } ?? value[String(part)]
      value = try #require(next, "\(name) has nothing at \(path)")
    }
    return value
  }

  /// Names of the members of the object schema at a path, ascending.
  func members(_ path: String) throws -> [String] {
    try #require(try at(path)["properties"]?.objectValue, "\(name): no properties at \(path)").names.sorted()
  }

  /// The closed set of words at a path, in order: an `enum`, or `oneOf` constants with descriptions.
  func words(_ path: String) throws -> [String] {
    let schema = try at(path)
    if let words = schema["enum"]?.arrayValue { return words.compactMap(\.stringValue) }
    return try #require(schema["oneOf"]?.arrayValue, "\(name): no words at \(path)").compactMap {
      $0["const"]?.stringValue
    }
  }

  var examples: [JSONValue] { json["examples"]?.arrayValue ?? [] }
}
