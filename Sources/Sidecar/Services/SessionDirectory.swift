import Synchronization

/// The engine connections that are open, for those who look in from outside.
final class SessionDirectory: Sendable {
  private struct Contents {
    var handles: [UInt64: SessionHandle] = [:]
    var last: UInt64 = 0
  }

  private let contents = Mutex(Contents())

  /// Returns a number to remove it by; never 0.
  func add(_ handle: SessionHandle) -> UInt64 {
    contents.withLock { contents in
      contents.last += 1
      contents.handles[contents.last] = handle
      return contents.last
    }
  }

  func remove(_ number: UInt64) {
    contents.withLock { contents in contents.handles[number] = nil }
  }

  /// In order of connection.
  var handles: [SessionHandle] {
    contents.withLock { $0.handles }.sorted { $0.key < $1.key }.map(\.value)
  }
}
