import NIOPosix
import WireProtocol

/// One thread for work that takes long (writing recordings, replaying them), so that it never holds up the calls that
/// take microseconds. One job at a time: what operators ask for must not take the engines' cores.
struct Workbench: Sendable {
  private let pool = NIOThreadPool(numberOfThreads: 1)

  func start() { pool.start() }

  func stop() async { try? await pool.shutdownGracefully() }

  /// Runs `job` there. - Throws: what it throws; UNAVAILABLE when the sidecar stops.
  func run<Value: Sendable>(_ job: @escaping @Sendable () throws -> Value) async throws(CallError) -> Value {
    do { return try await pool.runIfActive(job) } catch let error as CallError {
      throw error
    } catch is CancellationError {
      throw .stopping
    } catch {
      throw CallError(.internalError, "\(error)")
    }
  }
}
