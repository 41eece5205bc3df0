import Glibc
import Synchronization

/// Signals as bytes of a pipe, so that one `poll` waits for keys, signals and time alike.
struct SignalPipe: ~Copyable {
  /// Where the handler writes; -1 while no pipe exists. A handler can reach nothing but globals.
  private static let writeEnd = Atomic<Int32>(-1)
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH]

  let readEnd: Int32

  init() throws(CommandFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw CommandFailure(.failed, "cannot make a pipe") }
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    readEnd = ends[0]
    Self.writeEnd.store(ends[1], ordering: .sequentiallyConsistent)
    for number in Self.signals { signal(number, Self.handler) }
    unblock()
  }

  /// A parent may have blocked them: the mask is inherited.
  private func unblock() {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in Self.signals { sigaddset(&mask, number) }
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    let saved = errno
    var byte = UInt8(truncatingIfNeeded: number)
    // A full pipe has news enough.
    _ = write(writeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
    errno = saved
  }

  deinit {
    for number in Self.signals { signal(number, SIG_DFL) }
    close(Self.writeEnd.exchange(-1, ordering: .sequentiallyConsistent))
    close(readEnd)
  }

  /// Takes all the signals that came.
  func drain() -> [Int32] {
    var signals: [Int32] = []
    var byte: UInt8 = 0
    while read(readEnd, &byte, 1) == 1 { signals.append(Int32(byte)) }
    return signals
  }
}
