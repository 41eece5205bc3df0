import Glibc

/// Why the sockets could not be opened.
public enum SocketDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
  case unusable(path: String, reason: String)
  /// Another sidecar serves this directory or socket.
  case inUse(path: String)

  /// A system call on `path` failed just now; `errno` says why.
  static func failed(_ path: String) -> Self { .unusable(path: path, reason: String(cString: strerror(errno))) }

  public var description: String {
    switch self {
    case .unusable(let path, let reason): "\(path): \(reason)"
    case .inUse(let path): "\(path): another sidecar serves here"
    }
  }
}
