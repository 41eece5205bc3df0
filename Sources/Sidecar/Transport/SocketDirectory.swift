import Glibc

/// The runtime directory: made if needed, held by a lock as long as this sidecar lives, left without our sockets.
final class SocketDirectory {
  static let directoryMode: mode_t = 0o750
  static let socketMode: mode_t = 0o660

  let path: String
  private let lock: CInt
  private var own: [SocketKind] = []

  /// - Throws: when the directory cannot be made, or another sidecar holds it.
  init(_ path: String) throws(SocketDirectoryError) {
    self.path = path
    if mkdir(path, Self.directoryMode) != 0, errno != EEXIST {
      throw .unusable(path: path, reason: String(cString: strerror(errno)))
    }
    // An existing directory keeps its owner's mode unless it is open to others.
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
      throw .unusable(path: path, reason: "not a directory")
    }
    if info.st_mode & 0o007 != 0, chmod(path, Self.directoryMode) != 0 {
      throw .unusable(path: path, reason: "open to others, and chmod failed: \(String(cString: strerror(errno)))")
    }
    lock = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw .inUse(path: path)
    }
  }

  deinit { close(lock) }

  func socketPath(_ kind: SocketKind) -> String { "\(path)/\(kind.fileName)" }

  /// Removes what a sidecar that died left behind. The lock says that nobody serves it any more.
  func removeStale(_ kind: SocketKind) throws(SocketDirectoryError) {
    let socket = socketPath(kind)
    var info = stat()
    guard lstat(socket, &info) == 0 else { return }
    guard info.st_mode & S_IFMT == S_IFSOCK else {
      throw .unusable(path: socket, reason: "exists and is no socket")
    }
    guard unlink(socket) == 0 else { throw .unusable(path: socket, reason: String(cString: strerror(errno))) }
  }

  /// Opens a socket that we just made to the group, and remembers it as ours.
  func claim(_ kind: SocketKind) throws(SocketDirectoryError) {
    own.append(kind)
    guard chmod(socketPath(kind), Self.socketMode) == 0 else {
      throw .unusable(path: socketPath(kind), reason: String(cString: strerror(errno)))
    }
  }

  /// Removes the sockets that we made; those that came from systemd stay.
  func removeOwn() {
    for kind in own { unlink(socketPath(kind)) }
    own.removeAll()
  }
}
