/// Why a schema can not be used.
public struct SchemaFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// JSON pointer into the schema.
  public var pointer: String
  public var reason: String

  public var description: String { "\(pointer.isEmpty ? "the schema" : pointer): \(reason)" }
}
