import SchedulerCore
import WireProtocol

/// Keeps the topology fresh by running the helper again and again: with a deadline, with growing pauses after
/// failures, and never while an abandoned one still exists. The last good topology stays. Belongs to one thread.
struct TopologyRefresher {
  private let find: () -> Result<String, ProbeFailure>
  private let limits: MonitorLimits
  private var process: ProbeProcess?
  /// A helper that could not even be killed.
  private var abandoned: ProbeProcess?
  private var nextStartMs: Int
  private var failuresInRow = 0

  private(set) var document: TopologyDocument?
  private(set) var readMs: Int?
  /// Why the last run failed; nil after a good one.
  private(set) var failure: ProbeFailure?
  /// Grows with each run that ended.
  private(set) var runs = 0

  init(find: @escaping () -> Result<String, ProbeFailure>, limits: MonitorLimits, nowMs: Int) {
    self.find = find
    self.limits = limits
    nextStartMs = nowMs
  }

  var descriptors: [Int32] { process?.descriptors ?? [] }

  /// When `advance` must be called at the latest.
  func wakeMs(nowMs: Int) -> Int {
    guard let process else {
      return abandoned == nil ? nextStartMs : nowMs + limits.collectIntervalMs
    }
    return process.isEnding ? nowMs + ProbeRun.reapPauseMs : process.wakeMs
  }

  /// How far the topology can be trusted: old values never look fresh.
  func status(nowMs: Int) -> FigureStatus {
    guard let readMs else {
      if case .notFound = failure { return .unsupported }
      return .lost
    }
    let age = nowMs - readMs
    if age > limits.topologyLostAfterMs { return .lost }
    let late = age > limits.topologyIntervalMs * limits.missedBeforeStale
    return failure != nil || late ? .stale : .ok
  }

  /// Starts, reads, kills and reaps; never waits.
  mutating func advance(nowMs: Int) {
    if let stuck = abandoned {
      guard stuck.reap() else { return }
      abandoned = nil
    }
    if process == nil, nowMs >= nextStartMs { start(nowMs) }
    guard let running = process, let result = running.advance(nowMs: nowMs) else { return }
    process = nil
    finish(result, running, nowMs)
  }

  private mutating func start(_ nowMs: Int) {
    do throws(ProbeFailure) {
      process = try ProbeProcess(path: find().get(), arguments: [], limits: limits, nowMs: nowMs)
    } catch {
      fail(error, nowMs)
    }
  }

  private mutating func finish(
    _ result: Result<[UInt8], ProbeFailure>, _ ended: ProbeProcess, _ nowMs: Int
  ) {
    do throws(ProbeFailure) {
      document = try TopologyDocument(bytes: result.get())
      readMs = nowMs
      failure = nil
      failuresInRow = 0
      runs += 1
      nextStartMs = nowMs + limits.topologyIntervalMs
    } catch {
      if case .hung(_, abandoned: true) = error { abandoned = ended }
      fail(error, nowMs)
    }
  }

  private mutating func fail(_ why: ProbeFailure, _ nowMs: Int) {
    failure = why
    runs += 1
    // The shift is bounded, so that the product cannot overflow.
    let pause = limits.backOffMs << min(failuresInRow, 16)
    failuresInRow += 1
    nextStartMs = nowMs + min(pause, limits.backOffMaxMs)
  }
}
