import SchedulerCore

/// Looks at this machine as the monitor takes them, without its thread and its helpers: to measure what one costs.
public struct MachineLook {
  private let loop: MonitorLoop
  private let published = Publication()

  /// Opens the kernel's files.
  public init() {
    loop = MonitorLoop(ResourceMonitor.Configuration(), published, stop: -1)
    take()
  }

  /// One look, and what it says to plans.
  @discardableResult
  public func take() -> ResourceSnapshot {
    loop.collect(nowMs: SystemClock.nowMs())
    return published.resources
  }
}
