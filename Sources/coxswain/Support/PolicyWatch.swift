import Glibc

/// Says when a policy file was changed or exchanged. It looks instead of being told: that works on every file system,
/// and through the symbolic links by which Kubernetes exchanges a mounted ConfigMap.
struct PolicyWatch: Sendable {
  /// Between two looks.
  static let intervalMs = 1_000

  let path: String

  /// What a file has that another one, or the same one after a change, has not.
  private struct Stamp: Equatable {
    var device: dev_t
    var inode: ino_t
    var bytes: off_t
    var seconds: time_t
    var nanoseconds: Int

    init?(_ path: String) {
      var info = stat()
      guard stat(path, &info) == 0 else { return nil }
      (device, inode, bytes) = (info.st_dev, info.st_ino, info.st_size)
      (seconds, nanoseconds) = (info.st_mtim.tv_sec, info.st_mtim.tv_nsec)
    }
  }

  /// Calls `changed` after each change, once the file stayed the same for one interval: an editor may write in pieces.
  /// A file that is gone is no change. Ends when the task is cancelled.
  func run(_ changed: () -> Void) async {
    var known = Stamp(path)
    var last = known
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(Self.intervalMs))
      let now = Stamp(path)
      if let now, now == last, now != known {
        known = now
        changed()
      }
      last = now
    }
  }
}
