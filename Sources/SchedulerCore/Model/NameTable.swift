/// The session's names in the order in which Steps sent them: tenants, classes and adapters share one table.
public struct NameTable: Hashable, Codable, Sendable {
  public private(set) var names: ContiguousArray<String> = []

  public init() {}

  public var count: Int { names.count }

  public mutating func append(_ name: String) { names.append(name) }

  /// The name at `index`, or "" when there is none (index -1).
  public func name(_ index: Int) -> String { names.indices.contains(index) ? names[index] : "" }
}
