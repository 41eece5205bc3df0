import Glibc

/// The runtime directory: made if needed, held by a lock as long as this sidecar lives, left without our sockets.
final class SocketDirectory {
  static let directoryMode: mode_t = 0o750
  static let socketMode: mode_t = 0o660
  /// Bytes of a socket's path: `sun_path` without its final zero.
  static let pathBytesMax = 107

  let path: String
  private let lock: CInt
  /// Sockets that we made, in order.
  private var own: [SocketKind] = []

  /// - Throws: when the directory cannot be made, or another sidecar holds it.
  init(_ path: String) throws(SocketDirectoryError) {
    self.path = path
    if let kind = SocketKind.allCases.first(where: { "\(path)/\($0.fileName)".utf8.count > Self.pathBytesMax }) {
      throw .unusable(path: "\(path)/\(kind.fileName)", reason: "longer than \(Self.pathBytesMax) bytes")
    }
    try Self.makeDirectory(path)
    lock = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw .failed(path + "/lock") }
    // Every property is set: throwing from here on runs deinit, which closes the lock.
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(path: path) }
  }

  deinit {
    if lock >= 0 { close(lock) }
  }

  private static func makeDirectory(_ path: String) throws(SocketDirectoryError) {
    let isNew = mkdir(path, directoryMode) == 0
    guard isNew || errno == EEXIST else { throw .failed(path) }
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
      throw .unusable(path: path, reason: "not a directory")
    }
    // The umask must not lock the group out. An existing directory keeps its mode unless others may list or change it:
    // passing through is harmless, and the way to give each socket a group of its own.
    guard isNew || info.st_mode & 0o006 != 0 else { return }
    guard chmod(path, directoryMode) == 0 else { throw .failed(path) }
  }

  func socketPath(_ kind: SocketKind) -> String { "\(path)/\(kind.fileName)" }

  /// Removes what a sidecar that died left behind.
  /// - Throws: when somebody answers there, or what lies there is no socket.
  func removeStale(_ kind: SocketKind) throws(SocketDirectoryError) {
    let socket = socketPath(kind)
    var info = stat()
    guard lstat(socket, &info) == 0 else { return }
    guard info.st_mode & S_IFMT == S_IFSOCK else {
      throw .unusable(path: socket, reason: "exists and is no socket")
    }
    guard Self.isDead(socket) else { throw .inUse(path: socket) }
    guard unlink(socket) == 0 else { throw .failed(socket) }
  }

  /// Whether connecting says that nobody listens. Another failure, like a full backlog, is a sign of life.
  private static func isDead(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
    }
    return result != 0 && errno == ECONNREFUSED
  }

  /// The socket was just made by us: our group may connect, and it goes when we go.
  func claim(_ kind: SocketKind) throws(SocketDirectoryError) {
    own.append(kind)
    guard chmod(socketPath(kind), Self.socketMode) == 0 else { throw .failed(socketPath(kind)) }
  }

  /// Removes our own sockets at the end; those that systemd made stay.
  func removeOwn() {
    for kind in own { unlink(socketPath(kind)) }
    own = []
  }
}
