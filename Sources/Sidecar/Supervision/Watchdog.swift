import NIOCore

/// Tells the service manager that the sidecar is well, as long as every loop that answers callers runs a task. One that
/// hangs keeps the ping from being sent, and the manager starts the sidecar anew: engines fall back meanwhile.
struct Watchdog {
  let manager: ServiceManager
  let loops: [any EventLoop]

  /// Returns when the task is cancelled, at once when nobody asks for pings.
  func run() async {
    guard let interval = manager.pingIntervalUs else { return }
    while !Task.isCancelled {
      for loop in loops {
        do { try await loop.submit {}.get() } catch { return }
      }
      manager.ping()
      try? await Task.sleep(for: .microseconds(interval))
    }
  }
}
