import Synchronization
import WireProtocol

/// `grpc.health.v1`: whether the sidecar serves, and who wants to know when that changes.
public final class HealthState: Sendable {
  private struct Contents {
    var isServing = false
    var isOver = false
    var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]
    var last = 0
  }

  private let contents = Mutex(Contents())

  public init() {}

  public var isServing: Bool { contents.withLock { $0.isServing } }

  public func startServing() {
    contents.withLock { contents in
      contents.isServing = true
      for watcher in contents.watchers.values { watcher.yield(true) }
    }
  }

  /// Tells the watchers for the last time.
  public func stopServing() {
    let watchers = contents.withLock { contents in
      contents.isServing = false
      contents.isOver = true
      defer { contents.watchers = [:] }
      return Array(contents.watchers.values)
    }
    // Outside the lock: finishing calls back.
    for watcher in watchers {
      watcher.yield(false)
      watcher.finish()
    }
  }

  /// The state now and after every change, until the sidecar stops.
  func changes() -> AsyncStream<Bool> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let number = contents.withLock { contents -> Int? in
        continuation.yield(contents.isServing)
        guard !contents.isOver else { return nil }
        contents.last += 1
        contents.watchers[contents.last] = continuation
        return contents.last
      }
      guard let number else { return continuation.finish() }
      continuation.onTermination = { [self] _ in
        contents.withLock { contents in contents.watchers[number] = nil }
      }
    }
  }

  static func message(_ isServing: Bool) -> JSONValue {
    ["status": .string(isServing ? "SERVING" : "NOT_SERVING")]
  }
}
