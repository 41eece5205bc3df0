import SchedulerCore

/// The status of a call that failed: code, a sentence, and details that programs read.
public struct CallError: Error, Hashable, Sendable {
  public var code: StatusCode
  public var message: String
  public var details: JSONObject

  public init(_ code: StatusCode, _ message: String, details: JSONObject = [:]) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// A message that does not say what it should. `field` is a JSON pointer into the message.
  public static func invalid(field: String, _ message: String) -> CallError {
    CallError(
      .invalidArgument, field.isEmpty ? message : "\(field): \(message)",
      details: ["field": .string(field), "reason": "INVALID"])
  }

  public static func invalid(_ error: JSONError, under prefix: String = "") -> CallError {
    .invalid(field: prefix + error.pointer, "\(error.message) (byte \(error.offset))")
  }

  /// The mirror is gone; the engine registers again on the same connection (session rule 10).
  public static func resync(_ rejection: StepRejection, retryAfterMs: Int) -> CallError {
    CallError(
      .failedPrecondition, rejection.reason,
      details: [
        "reason": "RESYNC", "field": .string(rejection.field), "retry_after_ms": JSONValue(retryAfterMs),
      ])
  }

  /// The Step counts, its plan is dropped (session rule 9). `code` is DEADLINE_EXCEEDED or CANCELLED.
  public static func planDropped(_ code: StatusCode, epoch: UInt64, seq: UInt64) -> CallError {
    CallError(code, "applied, plan dropped", details: ["epoch": JSONValue(epoch), "seq": JSONValue(seq)])
  }

  /// Another Register took this rank over (session rule 2).
  public static let replaced = CallError(
    .aborted, "another session registered this server and rank", details: ["reason": "REPLACED"])

  public static func unimplemented(method: String) -> CallError {
    CallError(
      .unimplemented, "no method \(method)", details: ["field": "/method", "reason": "UNKNOWN_METHOD"])
  }

  public static func permissionDenied(method: String, socket: String) -> CallError {
    CallError(
      .permissionDenied, "\(method) is not served on the \(socket) socket",
      details: ["field": "/method", "reason": "WRONG_SOCKET"])
  }
}
