import Foundation
import Logging
import Policy
import SchedulerCore
import Synchronization
import WireProtocol

@testable import Sidecar

/// A real sidecar on real sockets in a directory of its own.
enum RunningSidecar {
  /// Starts one, runs `body` on a thread that may block, stops it, and returns what `body` returned.
  static func with<Result: Sendable>(
    limits: SidecarLimits = SidecarLimits(), policy: String = "vllm-v1", source: PolicySource? = nil,
    stateDirectory: String? = nil, metricsPort: Int? = nil, onPort: @escaping @Sendable (Int) -> Void = { _ in },
    snapshot: JSONValue = ["memory": [:]], directory: String = temporary(),
    _ body: @escaping @Sendable (_ directory: String) throws -> Result
  ) async throws -> Result {
    try await withStop(
      limits: limits, policy: policy, source: source, stateDirectory: stateDirectory, metricsPort: metricsPort,
      onPort: onPort, snapshot: snapshot, directory: directory
    ) { directory, _ in
      try body(directory)
    }
  }

  /// The same for a body that asks the sidecar to stop by calling `stop`, and watches it end.
  static func withStop<Result: Sendable>(
    limits: SidecarLimits = SidecarLimits(), policy: String = "vllm-v1", source: PolicySource? = nil,
    stateDirectory: String? = nil, metricsPort: Int? = nil, onPort: @escaping @Sendable (Int) -> Void = { _ in },
    snapshot: JSONValue = ["memory": [:]], directory: String = temporary(),
    _ body: @escaping @Sendable (_ directory: String, _ stop: @Sendable () -> Void) throws -> Result
  ) async throws -> Result {
    let (ready, continuation) = AsyncStream<Void>.makeStream()
    let service = SidecarService(
      configuration: SidecarConfiguration(
        runtimeDirectory: directory, policy: source ?? PolicySource(PolicyDocument.preset(policy)!),
        stateDirectory: stateDirectory, limits: limits, version: "test", metricsPort: metricsPort,
        checksPlans: true),
      resources: ResourceSource(current: { .unknown }, snapshot: { snapshot }, topology: { nil }),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      onReady: { ready in
        if let port = ready.metricsPort { onPort(port) }
        continuation.finish()
      })
    let task = Task {
      defer { continuation.finish() }
      try await service.run()
    }
    for await _ in ready {}
    do {
      let result = try await onThread { try body(directory) { task.cancel() } }
      task.cancel()
      try await task.value
      return result
    } catch {
      task.cancel()
      // The sidecar's own failure explains the body's.
      try await task.value
      throw error
    }
  }

  static func temporary() -> String {
    NSTemporaryDirectory() + "coxswain-test-" + UUID().uuidString.prefix(8)
  }

  /// Blocking calls must not hold the threads that the sidecar's own tasks run on.
  static func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
