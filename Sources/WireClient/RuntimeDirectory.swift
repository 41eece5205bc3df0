import Glibc

/// Where the sidecar's sockets live.
///
/// In order: the `--runtime-dir` option, `$COXSWAIN_RUNTIME_DIR`, `/run/coxswain`, `$XDG_RUNTIME_DIR/coxswain`. Of the
/// last two, a server takes the first one that it can write or make, and a client the first one that holds a socket
/// (else the one that a server of this user would take).
public struct RuntimeDirectory: Hashable, Sendable {
  public static let environmentName = "COXSWAIN_RUNTIME_DIR"
  static let systemPath = "/run/coxswain"

  public let path: String

  public init(path: String) { self.path = path }

  /// Scheduler, Health, Reflection: what engines connect to.
  public var engineSocket: String { path + "/engine.sock" }
  /// Admin, Policy, Resources, Health, Reflection: what the CLI connects to.
  public var adminSocket: String { path + "/admin.sock" }

  /// - Throws: `pathTooLong` when the kernel would not take the paths of the sockets.
  public func checkLength() throws(WireClientError) {
    let longest = max(engineSocket.utf8.count, adminSocket.utf8.count)
    guard longest <= UnixSocket.pathLimit else {
      throw .pathTooLong(path: engineSocket, limit: UnixSocket.pathLimit)
    }
  }

  /// The directory that a server makes its sockets in.
  public static func forServing(option: String? = nil) -> RuntimeDirectory {
    if let path = explicitPath(option) { return RuntimeDirectory(path: path) }
    return candidates.first { canServe(in: $0.path) } ?? RuntimeDirectory(path: systemPath)
  }

  /// The directory that a client looks for sockets in.
  public static func forConnecting(option: String? = nil) -> RuntimeDirectory {
    if let path = explicitPath(option) { return RuntimeDirectory(path: path) }
    return candidates.first { access($0.adminSocket, F_OK) == 0 || access($0.engineSocket, F_OK) == 0 }
      ?? forServing()
  }

  private static func explicitPath(_ option: String?) -> String? {
    if let option, !option.isEmpty { return trimmed(option) }
    return environment(environmentName).map(trimmed)
  }

  private static var candidates: [RuntimeDirectory] {
    let user = environment("XDG_RUNTIME_DIR").map { RuntimeDirectory(path: trimmed($0) + "/coxswain") }
    return [RuntimeDirectory(path: systemPath)] + (user.map { [$0] } ?? [])
  }

  private static func canServe(in path: String) -> Bool {
    if access(path, F_OK) == 0 { return access(path, W_OK | X_OK) == 0 }
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return false }
    return access(String(path[..<slash]), W_OK | X_OK) == 0
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
