import Policy
import WireProtocol

/// Why a policy did not come into force. The one before serves on.
public enum PolicyUpdateError: Error, Sendable {
  case invalid(PolicyErrors)
  /// The file cannot be read at all.
  case unreadable(String)
  /// The generation that the caller saw is not the one in force.
  case conflict(expected: Int, actual: Int)
  case unknownGeneration(Int)
  /// It could not be kept on disk.
  case notKept(String)

  public var details: String {
    switch self {
    case .invalid(let errors): errors.description
    case .unreadable(let reason), .notKept(let reason): reason
    case .conflict(let expected, let actual): "generation \(actual) is in force; expected \(expected)"
    case .unknownGeneration(let generation): "generation \(generation) is not in the history"
    }
  }

  var callError: CallError {
    switch self {
    case .invalid(let errors):
      let first = errors.errors[0]
      return CallError(
        .invalidArgument, "/policy\(first.pointer): \(first.message)",
        details: [
          "field": .string("/policy\(first.pointer)"), "reason": "INVALID_POLICY",
          "errors": .array(errors.errors.map(\.json)),
        ])
    case .unreadable: return CallError(.invalidArgument, details, details: ["field": "", "reason": "INVALID"])
    case .conflict:
      return CallError(
        .aborted, details, details: ["field": "/expected_generation", "reason": "GENERATION_CONFLICT"])
    case .unknownGeneration:
      return CallError(.notFound, details, details: ["field": "/generation", "reason": "UNKNOWN_GENERATION"])
    case .notKept:
      return CallError(
        .unavailable, "not applied: \(details)",
        details: ["field": "", "reason": "STATE_NOT_WRITTEN", "retry_after_ms": 1_000])
    }
  }
}
