import Synchronization

/// The tasks that answer calls, so that the end of the sidecar can wait for all of them: a task that outlives the event
/// loops would answer into nothing.
final class RunningTasks: Sendable {
  private struct Contents {
    var tasks: [Int: Task<Void, Never>] = [:]
    var last = 0
  }

  private let contents = Mutex(Contents())

  /// - Parameter executor: where the task runs.
  func start(on executor: ServiceExecutor, _ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
    contents.withLock { contents in
      contents.last += 1
      let number = contents.last
      let task = Task(executorPreference: executor) { [self] in
        await body()
        self.contents.withLock { $0.tasks[number] = nil }
      }
      contents.tasks[number] = task
      return task
    }
  }

  /// Returns when no task runs.
  func drain() async {
    while let task = contents.withLock({ $0.tasks.values.first }) { await task.value }
  }
}
