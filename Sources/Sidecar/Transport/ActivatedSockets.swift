import Glibc

/// Listening sockets passed by systemd (sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
enum ActivatedSockets {
  private static let firstDescriptor: CInt = 3

  /// Descriptors by kind. Names are `engine` and `admin` (FileDescriptorName=); without names the first is the
  /// engine's.
  static func find(environment: (String) -> String?, pid: pid_t = getpid()) -> [SocketKind: CInt] {
    guard let owner = environment("LISTEN_PID").flatMap({ pid_t($0) }), owner == pid,
      let count = environment("LISTEN_FDS").flatMap({ CInt($0) }), count > 0
    else { return [:] }
    let names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false) ?? []
    var sockets: [SocketKind: CInt] = [:]
    for offset in 0..<Int(count) {
      let descriptor = firstDescriptor + CInt(offset)
      let name = offset < names.count ? String(names[offset]) : ""
      let kinds = SocketKind.allCases
      let kind =
        kinds.first { name == $0.rawValue || name == $0.fileName }
        ?? (names.isEmpty && offset < kinds.count ? kinds[offset] : nil)
      guard let kind else { continue }
      // The helper processes that we start must not keep our sockets open.
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      sockets[kind] = descriptor
    }
    return sockets
  }

  static func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
