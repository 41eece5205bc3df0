import Glibc
import Logging
import Policy
import SchedulerCore
import ServiceLifecycle
import Sidecar
import WireClient

/// A sidecar of the bench's own, in this process and a temporary directory, and an echo server beside it.
struct BenchSidecar {
  let directory: RuntimeDirectory
  var echoSocket: String { directory.path + "/echo.sock" }
  /// Policies are kept on disk, as in service.
  private var stateDirectory: String { directory.path + "/state" }

  /// Runs `body` while the sidecar serves, and leaves nothing behind.
  static func with<Value: Sendable>(
    policy: PolicyDocument, _ body: @Sendable @escaping (BenchSidecar) async throws -> Value
  ) async throws -> Value {
    let sidecar = BenchSidecar(directory: RuntimeDirectory(path: try temporaryDirectory()))
    defer { sidecar.removeDirectory() }
    let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
    let service = SidecarService(
      configuration: SidecarConfiguration(
        runtimeDirectory: sidecar.directory.path, policy: PolicySource(policy), stateDirectory: sidecar.stateDirectory,
        version: VersionCommand.number, checksPlans: false),
      resources: ResourceSource(current: { .unknown }, snapshot: { [:] }, topology: { nil }),
      log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    ) { _ in isReady.finish() }
    // A signal stops the sidecar; the bench then finds its connection closed, and everything is removed.
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [service], gracefulShutdownSignals: [.sigint, .sigterm],
        logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }))
    defer { for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) } }
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { isReady.finish() }
        try await group.run()
      }
      for await _ in ready {}
      let value = try await body(sidecar)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return value
    }
  }

  private static func temporaryDirectory() throws(CommandFailure) -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((parent + "/coxswain-bench-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure(.failed, "\(parent): \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func removeDirectory() {
    for name in ["lock", "echo.sock", "engine.sock", "admin.sock"] { unlink(directory.path + "/" + name) }
    for name in ["policies.log", "policies.lock"] { unlink(stateDirectory + "/" + name) }
    rmdir(stateDirectory)
    rmdir(directory.path)
  }
}
