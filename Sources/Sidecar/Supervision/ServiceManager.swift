import Glibc
import Logging

/// The service manager that started this process, as sd_notify(3) describes it: what it hears and how often. Without
/// `$NOTIFY_SOCKET` there is none, and every message goes nowhere.
struct ServiceManager: Sendable {
  /// Bytes of a status text. systemd shows one line.
  static let statusBytesMax = 256

  /// Path, or `@` and an abstract name; nil: nobody listens.
  private let socket: String?
  /// How often the manager wants to hear that the process is well; nil: never.
  let watchdogUs: Int?
  private let log: Logger

  init(environment: (String) -> String?, pid: pid_t = getpid(), log: Logger) {
    socket = environment("NOTIFY_SOCKET").flatMap { Self.isAddress($0) ? $0 : nil }
    let isOurs = environment("WATCHDOG_PID").map { pid_t($0) == pid } ?? true
    let period = environment("WATCHDOG_USEC").flatMap { Int($0) } ?? 0
    watchdogUs = isOurs && period > 0 && socket != nil ? period : nil
    self.log = log
  }

  /// Pings go at half the period, as sd_watchdog_enabled(3) advises.
  var pingIntervalUs: Int? { watchdogUs.map { max(1, $0 / 2) } }

  func ready(_ status: String) { send("READY=1\n" + Self.statusLine(status)) }

  /// Followed by `ready` when the reload is over, whatever came of it.
  func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.nowUs())\n") }

  func stopping() { send("STOPPING=1\n" + Self.statusLine("stopping")) }

  func ping() { send("WATCHDOG=1\n") }

  private static func statusLine(_ text: String) -> String {
    let line = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
    // A character is left out whole or not at all.
    var kept = Substring(line)
    while kept.utf8.count > statusBytesMax { kept.removeLast() }
    return "STATUS=\(kept)\n"
  }

  private static func isAddress(_ text: String) -> Bool {
    (text.hasPrefix("/") || text.hasPrefix("@")) && text.utf8.count > 1
      && text.utf8.count <= SocketDirectory.pathBytesMax
  }

  /// One datagram. A manager that does not take it restarts us at worst; serving goes on.
  private func send(_ message: String) {
    guard let socket else { return }
    let descriptor = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return report(errno) }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: socket.utf8)
      // A zero in front makes a name abstract, and its length counts then.
      if socket.hasPrefix("@") { path[0] = 0 }
    }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? MemoryLayout<sa_family_t>.size
    let size = socklen_t(offset + socket.utf8.count + (socket.hasPrefix("@") ? 0 : 1))
    let bytes = Array(message.utf8)
    let sent = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT), $0, size)
      }
    }
    if sent != bytes.count { report(errno) }
  }

  private func report(_ code: CInt) {
    log.warning("the service manager was not told", metadata: ["reason": "\(String(cString: strerror(code)))"])
  }
}
