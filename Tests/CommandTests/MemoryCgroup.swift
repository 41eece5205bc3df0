import Foundation
import Testing

/// A memory cgroup below this process's own, with a limit; needs a hierarchy in which this process may make one.
final class MemoryCgroup {
  /// Directory of the cgroup.
  let path: String
  /// Memory of the file system at /dev/shm, charged to this cgroup.
  private var files: [String] = []

  /// - Parameter limitBytes: hard limit of everything inside.
  init(limitBytes: Int) throws {
    let (parent, limit) = try #require(Self.parent)
    path = parent + "/coxswain-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    try "\(limitBytes)".write(toFile: path + "/" + limit, atomically: false, encoding: .utf8)
  }

  deinit {
    releaseAll()
    // The kernel keeps a cgroup until its last process is gone for good.
    for _ in 0..<200 where rmdir(path) != 0 && errno == EBUSY { usleep(10_000) }
  }

  /// Whether such a cgroup can be made here: tried once.
  static let isAvailable: Bool = {
    guard access("/dev/shm", W_OK) == 0, let cgroup = try? MemoryCgroup(limitBytes: 1 << 30) else { return false }
    return (try? cgroup.charge(bytes: 4096)) != nil
  }()

  /// A line of shell that runs `"$@"` inside.
  var entry: String { "echo $$ > '\(path)/cgroup.procs' && exec \"$@\"" }

  /// Takes `bytes` of memory inside, until `releaseAll`.
  func charge(bytes: Int) throws {
    let file = "/dev/shm/coxswain-\(UUID().uuidString)"
    files.append(file)
    let line = "echo $$ > '\(path)/cgroup.procs' && exec head -c \(bytes) /dev/zero > '\(file)'"
    let process = try Executable.process(program: "/bin/sh", ["-c", line])
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw POSIXError(.ENOMEM) }
  }

  func releaseAll() {
    for file in files { unlink(file) }
    files.removeAll()
  }

  /// The cgroup of this process where it is mounted, and the name of the file with the hard limit.
  private static let parent: (path: String, limit: String)? = {
    let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
    for line in lines.map({ $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false) })
    where line.count == 3 && line[1].split(separator: ",").contains("memory") {
      return ("/sys/fs/cgroup/memory" + (line[2] == "/" ? "" : line[2]), "memory.limit_in_bytes")
    }
    for line in lines where line.hasPrefix("0::") {
      let path = "/sys/fs/cgroup" + line.dropFirst(3)
      return (path.hasSuffix("/") ? String(path.dropLast()) : path, "memory.max")
    }
    return nil
  }()
}
