import NIOPosix

/// A thread of their own for the services' tasks: how fast `status` answers must not depend on what else waits in this
/// process, and the services take no core from the engines' loops.
final class ServiceExecutor: TaskExecutor {
  private let pool = NIOThreadPool(numberOfThreads: 1)

  func start() { pool.start() }

  /// Call when no task runs on it any more.
  func stop() async { try? await pool.shutdownGracefully() }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // A job is run in any case: nobody else would end its task.
    pool.submit { [self] _ in job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}
