import EmbeddedText
import WireProtocol

/// The schemas that are compiled in.
public enum ShippedSchema {
  private static let folder = "Schemas"

  /// `policy-v1` and the others, in order.
  public static let names = EmbeddedFile.names(in: folder)

  /// A schema by its name, ready to hold documents against.
  public static func named(_ name: String) throws(SchemaFault) -> JSONSchema {
    guard let json = json(name) else { throw SchemaFault(pointer: "", reason: "no schema \(name)") }
    return try JSONSchema(json, find: { find($0) })
  }

  /// urn:coxswain:schema:step:v1 is step-v1.
  private static func find(_ identifier: String) -> JSONValue? {
    guard identifier.hasPrefix("urn:coxswain:schema:") else { return nil }
    return json(identifier.split(separator: ":").suffix(2).joined(separator: "-"))
  }

  private static func json(_ name: String) -> JSONValue? {
    EmbeddedFile.bytes("\(folder)/\(name).json").flatMap { try? JSONValue(parsing: $0) }
  }
}
