import Synchronization
import WireProtocol

/// `grpc.health.v1`: whether the sidecar serves and takes new work, and who wants to know when that changes.
public final class HealthState: Sendable {
  private struct Contents {
    var isServing = false
    var isOver = false
    var drain: Drain?
    var watchers: [Int: AsyncStream<Health>.Continuation] = [:]
    var last = 0

    var health: Health { Health(isAlive: isServing, isReady: isServing && drain == nil) }

    func tellWatchers() {
      for watcher in watchers.values { watcher.yield(health) }
    }
  }

  private let contents = Mutex(Contents())

  public init() {}

  var now: Health { contents.withLock { $0.health } }

  /// nil while new work is taken.
  var drain: Drain? { contents.withLock { $0.drain } }

  func startServing() {
    contents.withLock { contents in
      contents.isServing = true
      contents.tellWatchers()
    }
  }

  /// False when the sidecar drains already: the first one's wish stands.
  func startDraining(_ drain: Drain) -> Bool { setDrain(drain) }

  /// False when it does not drain.
  func stopDraining() -> Bool { setDrain(nil) }

  private func setDrain(_ drain: Drain?) -> Bool {
    contents.withLock { contents in
      guard (contents.drain == nil) != (drain == nil) else { return false }
      contents.drain = drain
      contents.tellWatchers()
      return true
    }
  }

  /// Tells the watchers for the last time.
  func stopServing() {
    let (watchers, health) = contents.withLock { contents in
      contents.isServing = false
      contents.isOver = true
      defer { contents.watchers = [:] }
      return (Array(contents.watchers.values), contents.health)
    }
    // Outside the lock: finishing calls back.
    for watcher in watchers {
      watcher.yield(health)
      watcher.finish()
    }
  }

  /// The state now and after every change, until the sidecar stops.
  func changes() -> AsyncStream<Health> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let number = contents.withLock { contents -> Int? in
        continuation.yield(contents.health)
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
