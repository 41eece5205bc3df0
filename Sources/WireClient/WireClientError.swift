import WireProtocol

/// Why a call over the socket has no reply. A reply with an error status is a reply, not one of these.
public enum WireClientError: Error, Hashable, Sendable {
  /// No socket at this path.
  case notFound(path: String)
  /// A socket file is there, and nobody listens on it.
  case refused(path: String)
  /// This user may not connect.
  case denied(path: String)
  /// The kernel takes at most `limit` bytes as a socket path.
  case pathTooLong(path: String, limit: Int)
  /// The peer did not accept, read or answer within the caller's own deadline.
  case timedOut(afterUs: Int)
  /// The peer closed the connection, or this side did after an earlier error.
  case closed
  /// The peer sent something that is no frame, no reply, or a reply to nothing that was asked.
  case protocolViolation(String)
  /// The peer answered to no request in particular: too many connections, or a request that it could not read.
  case rejected(CallError)
  /// Another failure of the operating system.
  case system(operation: String, errno: Int32)

  /// Is there nobody to talk to? (`coxswain` exits with 69 then.)
  public var isUnreachable: Bool {
    switch self {
    case .notFound, .refused, .closed: true
    case .denied, .pathTooLong, .timedOut, .protocolViolation, .rejected, .system: false
    }
  }
}

extension WireClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let path): "no socket at \(path); is `coxswain serve` running there?"
    case .refused(let path): "nobody listens on \(path); the sidecar that made it is gone"
    case .denied(let path): "no permission to connect to \(path)"
    case .pathTooLong(let path, let limit): "socket path of \(path.utf8.count) bytes, the limit is \(limit): \(path)"
    case .timedOut(let microseconds): "no answer within \(microseconds / 1000) ms"
    case .closed: "the connection is closed"
    case .protocolViolation(let what): "protocol violation: \(what)"
    case .rejected(let error): "rejected: \(error.code.rawValue): \(error.message)"
    case .system(let operation, let number): "\(operation): \(SystemError.text(number))"
    }
  }
}
