import WireProtocol

/// What `coxswain policy validate` and `Policy/Validate` say about a policy (Schemas/policy-validate-reply-v1).
public struct PolicyVerdict: Hashable, Sendable {
  /// Everything wrong; empty when the policy could be applied.
  public let errors: [PolicyError]
  /// What is valid but hardly meant.
  public let warnings: [String]

  public init(_ decode: () throws(PolicyErrors) -> PolicyDocument) {
    do throws(PolicyErrors) {
      warnings = try decode().warnings
      errors = []
    } catch {
      warnings = []
      errors = error.errors
    }
  }

  public var isValid: Bool { errors.isEmpty }

  public var json: JSONValue {
    [
      "valid": .bool(isValid), "errors": .array(errors.map(\.json)),
      "warnings": .array(warnings.map { .string($0) }),
    ]
  }
}
