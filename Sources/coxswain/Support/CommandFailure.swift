import WireClient
import WireProtocol

/// Why a command ends before its time, and the exit code that says so.
struct CommandFailure: Error {
  var status: ExitStatus
  /// nil: say nothing, as when the reader of standard output went away.
  var message: String?

  init(_ status: ExitStatus, _ message: String?) {
    self.status = status
    self.message = message
  }

  init(_ error: WireClientError) {
    let status: ExitStatus =
      switch error {
      case .notFound, .refused, .closed: .unreachable
      case .denied: .denied
      case .timedOut: .retry
      case .pathTooLong: .usage
      case .rejected(let error): CommandFailure(error).status
      case .protocolViolation, .system: .failed
      }
    self.init(status, error.description)
  }

  init(_ error: CallError) {
    let status: ExitStatus =
      switch error.code {
      case .permissionDenied, .unauthenticated: .denied
      case .unavailable, .resourceExhausted, .aborted, .deadlineExceeded: .retry
      default: .failed
      }
    self.init(status, "\(error.code.rawValue): \(error.message)")
  }

  func print() {
    guard let message else { return }
    StandardError.line("coxswain: \(message)")
  }
}
