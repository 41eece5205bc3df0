/// Why the sockets could not be opened.
public enum SocketDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
  case unusable(path: String, reason: String)
  /// Another sidecar serves this directory.
  case inUse(path: String)

  public var description: String {
    switch self {
    case .unusable(let path, let reason): "\(path): \(reason)"
    case .inUse(let path): "\(path): another sidecar serves this directory"
    }
  }
}
