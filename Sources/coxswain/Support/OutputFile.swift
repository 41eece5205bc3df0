import Glibc

/// A file that a command writes: whole, or not at all.
enum OutputFile {
  static func write(_ text: String, to path: String, permissions: mode_t = 0o644) throws(CommandFailure) {
    let partial = "\(path).partial-\(getpid())"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
    guard descriptor >= 0 else { throw failure(path) }
    let number = StandardStreams.write(text, to: descriptor)
    guard close(descriptor) == 0, number == 0, rename(partial, path) == 0 else {
      let failure = failure(path, number)
      unlink(partial)
      throw failure
    }
  }

  /// Finds out before the work whether its result can be written.
  static func check(_ path: String) throws(CommandFailure) {
    let folder = path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
    guard access(folder, W_OK) == 0 else { throw failure(path) }
  }

  private static func failure(_ path: String, _ number: Int32 = 0) -> CommandFailure {
    CommandFailure(.failed, "\(path): \(String(cString: strerror(number == 0 ? errno : number)))")
  }
}
