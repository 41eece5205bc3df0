import Glibc

/// What must hold of descriptors 0 to 2 before anything else runs.
enum StandardStreams {
  /// Fills closed standard descriptors with /dev/null, so that no socket ever becomes standard output, and turns
  /// SIGPIPE into an error that `StandardOutput` handles.
  static func prepare() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // Opens as the lowest free descriptor, which is this one.
      guard open("/dev/null", O_RDWR) == descriptor else { exit(ExitStatus.failed.rawValue) }
    }
    signal(SIGPIPE, SIG_IGN)
  }

  /// Writes all of `text`. - Returns: 0, or the `errno` that stopped it.
  static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count >= 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if errno == EAGAIN {
          var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = poll(&request, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }
}
