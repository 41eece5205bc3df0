import Synchronization
import WireProtocol

/// `grpc.health.v1`: whether the sidecar serves, and who wants to know when that changes.
public final class HealthState: Sendable {
  private struct Contents {
    var isServing = false
    var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]
    var last = 0
  }

  private let contents = Mutex(Contents())

  public init() {}

  public var isServing: Bool { contents.withLock { $0.isServing } }

  public func set(serving: Bool) {
    contents.withLock { contents in
      guard contents.isServing != serving else { return }
      contents.isServing = serving
      for watcher in contents.watchers.values { watcher.yield(serving) }
    }
  }

  /// The state now and after every change.
  func changes() -> AsyncStream<Bool> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let number = contents.withLock { contents in
        contents.last += 1
        contents.watchers[contents.last] = continuation
        continuation.yield(contents.isServing)
        return contents.last
      }
      continuation.onTermination = { [self] _ in
        contents.withLock { contents in contents.watchers[number] = nil }
      }
    }
  }

  /// Names of services that may be asked for; "" means the sidecar as a whole.
  static func message(_ isServing: Bool) -> JSONValue {
    ["status": .string(isServing ? "SERVING" : "NOT_SERVING")]
  }
}
