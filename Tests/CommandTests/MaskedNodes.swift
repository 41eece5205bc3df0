import Foundation

/// A mount namespace in which the kernel's NUMA nodes cannot be seen, as in some containers.
enum MaskedNodes {
  /// A line of shell that runs `"$@"` in it.
  static let entry = "exec unshare -m sh -c 'mount -t tmpfs none /sys/devices/system/node && exec \"$@\"' sh \"$@\""

  static let isAvailable: Bool = {
    guard let process = try? Executable.process(program: "/bin/sh", ["-c", entry, "sh", "true"]) else { return false }
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}
