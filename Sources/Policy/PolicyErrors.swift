/// Everything wrong in a policy file, in document order; never empty.
public struct PolicyErrors: Error, Hashable, Sendable, CustomStringConvertible {
  public var errors: [PolicyError]

  public init(_ errors: [PolicyError]) { self.errors = errors }

  public var description: String { errors.map(\.text).joined(separator: "\n") }
}
