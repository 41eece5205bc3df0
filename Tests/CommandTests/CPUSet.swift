import Foundation

/// A cpuset cgroup of version 1 below the root of its hierarchy.
final class CPUSet {
  let path: String

  init(cpus: String, nodes: String) throws {
    path = "/sys/fs/cgroup/cpuset/coxswain-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    // Nodes first: a set without either takes no process.
    try nodes.write(toFile: path + "/cpuset.mems", atomically: false, encoding: .utf8)
    try cpus.write(toFile: path + "/cpuset.cpus", atomically: false, encoding: .utf8)
  }

  deinit {
    // The kernel keeps a cgroup until its last process is gone for good.
    for _ in 0..<200 where rmdir(path) != 0 && errno == EBUSY { usleep(10_000) }
  }

  static let isAvailable = (try? CPUSet(cpus: "0", nodes: "0")) != nil
}
