import Glibc

/// One connected Unix stream socket. Every wait has a deadline; no signal is ever raised.
struct UnixSocket: ~Copyable {
  /// UTF-8 bytes of a path, without the zero that ends it.
  static let pathLimit = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
  private static let microsecondsPerSecond = 1_000_000
  private static let sendFlags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
  private static let receiveFlags = Int32(MSG_DONTWAIT)
  private let descriptor: Int32

  /// Connects, waiting at most `timeoutUs` for a place in the listener's backlog.
  static func connected(to path: String, timeoutUs: Int) throws(WireClientError) -> UnixSocket {
    var address = try Self.address(path)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .system(operation: "socket", errno: errno) }
    let connection = UnixSocket(descriptor: descriptor)
    try connection.limitConnect(timeoutUs)
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    while true {
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
      }
      if result == 0 { return connection }
      guard errno == EINTR else { throw connectError(errno, path: path, timeoutUs: timeoutUs) }
    }
  }

  /// A Unix socket that does not block fails at once when the backlog is full; SO_SNDTIMEO bounds the wait instead.
  /// All later transfers say MSG_DONTWAIT.
  private func limitConnect(_ timeoutUs: Int) throws(WireClientError) {
    let (seconds, rest) = max(1, timeoutUs).quotientAndRemainder(dividingBy: Self.microsecondsPerSecond)
    var limit = timeval(tv_sec: seconds, tv_usec: rest)
    guard setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
      throw .system(operation: "setsockopt", errno: errno)
    }
  }

  deinit { close(descriptor) }

  private static func address(_ path: String) throws(WireClientError) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count <= pathLimit else { throw .pathTooLong(path: path, limit: pathLimit) }
    guard !bytes.isEmpty, !bytes.contains(0) else { throw .notFound(path: path) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  private static func connectError(_ number: Int32, path: String, timeoutUs: Int) -> WireClientError {
    switch number {
    case ENOENT, ENOTDIR: .notFound(path: path)
    case ECONNREFUSED, ENOTSOCK, EPROTOTYPE: .refused(path: path)
    case EACCES, EPERM: .denied(path: path)
    case EAGAIN, ETIMEDOUT: .timedOut(afterUs: timeoutUs)
    default: .system(operation: "connect to \(path)", errno: number)
    }
  }

  /// Sends as much as the socket takes, waiting for room if there is none.
  /// - Returns: bytes sent, at least one.
  func send(_ bytes: UnsafeRawBufferPointer, by deadline: Deadline) throws(WireClientError) -> Int {
    while true {
      let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Self.sendFlags)
      if count > 0 { return count }
      try recover("send", errno, waitFor: POLLOUT, by: deadline)
    }
  }

  /// Receives what has come, waiting if nothing has.
  /// - Returns: bytes received; 0 at the end of the stream.
  func receive(into buffer: UnsafeMutableRawBufferPointer, by deadline: Deadline) throws(WireClientError) -> Int {
    // An answer is rarely there at once: waiting first saves a call that fails.
    try wait(POLLIN, by: deadline)
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, Self.receiveFlags)
      if count >= 0 { return count }
      try recover("recv", errno, waitFor: POLLIN, by: deadline)
    }
  }

  private func recover(
    _ operation: String, _ number: Int32, waitFor event: Int32, by deadline: Deadline
  ) throws(WireClientError) {
    switch number {
    case EINTR: return
    case EAGAIN: try wait(event, by: deadline)
    case EPIPE, ECONNRESET: throw .closed
    default: throw .system(operation: operation, errno: number)
    }
  }

  private func wait(_ event: Int32, by deadline: Deadline) throws(WireClientError) {
    while true {
      var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      let left = deadline.remainingMs
      let ready = poll(&request, 1, left)
      if ready > 0 { return }
      if ready == 0, left == 0 { throw .timedOut(afterUs: deadline.budgetUs) }
      guard ready == 0 || errno == EINTR else { throw .system(operation: "poll", errno: errno) }
    }
  }
}
