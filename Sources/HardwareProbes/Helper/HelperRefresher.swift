import SchedulerCore
import WireProtocol

/// Keeps one document of the helper fresh by running it again and again: with a deadline, with growing pauses after
/// failures, and never while an abandoned one still exists. The last good document stays. Belongs to one thread.
struct HelperRefresher<Document> {
  /// What is run, and how long its answer is good.
  struct Job {
    var arguments: [String] = []
    /// Until the next run after a good one.
    var intervalMs: (Document) -> Int
    /// A document that is older than so many intervals is stale, even if nothing failed.
    var missedBeforeStale: Int
    /// A document that is older is lost.
    var lostAfterMs: Int
    var parse: ([UInt8]) throws(ProbeFailure) -> Document
  }

  private let job: Job
  private let find: () -> Result<String, ProbeFailure>
  private let limits: MonitorLimits
  private var process: ProbeProcess?
  /// A helper that could not even be killed.
  private var abandoned: ProbeProcess?
  private var nextStartMs: Int
  private var failuresInRow = 0

  private(set) var document: Document?
  private(set) var readMs: Int?
  /// Why the last run failed; nil after a good one.
  private(set) var failure: ProbeFailure?
  /// Grows with each run that ended.
  private(set) var runs = 0

  init(_ job: Job, find: @escaping () -> Result<String, ProbeFailure>, limits: MonitorLimits, nowMs: Int) {
    self.job = job
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

  /// How far the document can be trusted: old values never look fresh.
  func status(nowMs: Int) -> FigureStatus {
    guard let readMs, let document else {
      if case .notFound = failure { return .unsupported }
      return .lost
    }
    let age = nowMs - readMs
    if age > job.lostAfterMs { return .lost }
    let late = age > job.intervalMs(document) * job.missedBeforeStale
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
      process = try ProbeProcess(path: find().get(), arguments: job.arguments, limits: limits, nowMs: nowMs)
    } catch {
      fail(error, nowMs)
    }
  }

  private mutating func finish(
    _ result: Result<[UInt8], ProbeFailure>, _ ended: ProbeProcess, _ nowMs: Int
  ) {
    do throws(ProbeFailure) {
      let fresh = try job.parse(result.get())
      document = fresh
      readMs = nowMs
      failure = nil
      failuresInRow = 0
      runs += 1
      nextStartMs = nowMs + job.intervalMs(fresh)
    } catch {
      if case .hung(_, _, abandoned: true) = error { abandoned = ended }
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
