import Glibc

/// The monitor's thread. A plain one: it waits in poll, which no shared executor should do.
enum MonitorThread {
  /// Runs the loop until it ends. The thread must be joined.
  static func start(_ loop: sending MonitorLoop) throws(MonitorError) -> pthread_t {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(loop)
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<MonitorLoop>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw MonitorError(errno: code)
    }
    return thread
  }
}
