import Foundation
import Glibc

@testable import HardwareProbes

/// A tree of files that stands in for /proc and /sys. Removed with its last reference.
final class FixtureTree {
  let root: URL
  var proc: String { root.appending(path: "proc").path }
  var sys: String { root.appending(path: "sys").path }

  /// - Parameter files: text by path, such as "proc/meminfo".
  init(_ files: [String: String]) throws {
    root = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)")
    for folder in ["proc", "sys"] {
      try FileManager.default.createDirectory(at: root.appending(path: folder), withIntermediateDirectories: true)
    }
    for (path, text) in files { try write(path, text) }
  }

  deinit {
    // What cannot be removed stays in the temporary folder, which the system empties.
    try? FileManager.default.removeItem(at: root)
  }

  func write(_ path: String, _ text: String) throws {
    let file = root.appending(path: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func remove(_ path: String) throws { try FileManager.default.removeItem(at: root.appending(path: path)) }

  func makeUnreadable(_ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: root.appending(path: path).path)
  }

  func collector() throws -> ShimCollector {
    guard let collector = ShimCollector(procRoot: proc, sysRoot: sys) else { throw MonitorError(errno: errno) }
    return collector
  }

  /// Opens as a user who may not read everything: for root nothing is unreadable.
  func unprivilegedCollector() throws -> ShimCollector {
    typealias SetUser = @convention(c) (uid_t) -> Int32
    // Glibc's module does not offer it. It changes the user of the calling thread's file accesses only.
    guard let symbol = dlsym(dlopen(nil, RTLD_LAZY), "setfsuid") else { throw MonitorError(errno: ENOSYS) }
    let setUser = unsafeBitCast(symbol, to: SetUser.self)
    let before = setUser(65_534)
    defer { _ = setUser(uid_t(before)) }
    return try collector()
  }
}
