import SchedulerCore

/// The figures of this machine's GPUs, kept fresh by one helper that stays (`coxswain-probe --gpus --stream`): opening
/// a driver costs up to seconds, a look some milliseconds. It is killed at the deadline of its stage, started again
/// after growing pauses, and never while an abandoned one still exists. Belongs to one thread.
struct GPUStream {
  private let library: String?
  private let sysRoot: String
  private let find: () -> Result<String, ProbeFailure>
  private let limits: MonitorLimits
  private var process: ProbeProcess?
  /// A helper that could not even be killed.
  private var abandoned: ProbeProcess?
  private var startedMs = 0
  private var nextStartMs: Int
  private var failuresInRow = 0

  /// The last document; what is read rarely is in `rare`.
  private(set) var document: GPUDocument?
  private(set) var readMs: Int?
  /// By the driver's number of the GPU.
  private(set) var rare: [GPUDocument.Rare?] = []
  private(set) var links: [MachineTopology.Link] = []
  private(set) var rareReadMs: Int?
  private(set) var quarantine = GPUQuarantine()
  /// Why the last helper ended; nil while one answers.
  private(set) var failure: ProbeFailure?
  /// Grows with each document and each end.
  private(set) var runs = 0

  /// - Parameters:
  ///   - library: file of the driver's library; nil for where the dynamic linker finds it.
  ///   - sysRoot: where drivers of other makers show their files.
  init(
    gpuLibrary library: String?, sysRoot: String = "/sys", find: @escaping () -> Result<String, ProbeFailure>,
    limits: MonitorLimits, nowMs: Int
  ) {
    self.library = library
    self.sysRoot = sysRoot
    self.find = find
    self.limits = limits
    nextStartMs = nowMs
  }

  /// What the helper is doing, as far as it told.
  var stage: String? { process?.stage }

  var descriptors: [Int32] { process?.descriptors ?? [] }

  /// When `advance` must be called at the latest.
  func wakeMs(nowMs: Int) -> Int {
    guard let process else { return abandoned == nil ? nextStartMs : nowMs + limits.collectIntervalMs }
    return process.isEnding ? nowMs + ProbeRun.reapPauseMs : process.wakeMs
  }

  /// How far the last document can be trusted. Its figures grow old by themselves: this is about the run.
  func status(nowMs: Int) -> FigureStatus {
    guard let readMs, let document else {
      if case .notFound = failure { return .unsupported }
      return failure == nil && waitedMs(nowMs: nowMs) == nil ? .unsupported : .lost
    }
    if document.status != .ok { return failure == nil ? .ok : .lost }
    if nowMs - readMs > limits.gpuLostAfterMs { return .lost }
    return failure == nil ? .ok : .stale
  }

  /// How long a first answer has been awaited, once that is longer than an answer may take; with the stage.
  func waitedMs(nowMs: Int) -> (ms: Int, stage: String)? {
    guard document == nil, process != nil, nowMs - startedMs >= limits.gpuStaleAfterMs * 2 / 3 else { return nil }
    return (nowMs - startedMs, stage ?? "start")
  }

  /// Starts, reads, kills and reaps; never waits.
  mutating func advance(nowMs: Int) {
    if let stuck = abandoned {
      guard stuck.reap() else { return }
      abandoned = nil
    }
    if process == nil, nowMs >= nextStartMs { start(nowMs) }
    guard let running = process else { return }
    while let line = running.nextLine(nowMs: nowMs) {
      do throws(ProbeFailure) { take(try GPUDocument(bytes: line), nowMs) } catch {
        return fail(error, nowMs)
      }
    }
    if let end = running.advance(nowMs: nowMs) { return finish(end, running, nowMs) }
    if quarantine.hasFaults, nowMs - startedMs >= limits.gpuEnumerateIntervalMs { end(restartMs: nowMs) }
  }

  private mutating func start(_ nowMs: Int) {
    var arguments = [
      "--gpus", "--stream", "--stages", "--fast-ms", "\(limits.gpuIntervalMs)", "--slow-ms",
      "\(limits.gpuRareIntervalMs)", "--sysfs", sysRoot,
    ]
    if let library { arguments += ["--nvml", library] }
    startedMs = nowMs
    quarantine.enumerate()
    do throws(ProbeFailure) {
      process = try ProbeProcess(path: find().get(), arguments: arguments, limits: limits, nowMs: nowMs)
    } catch {
      fail(error, nowMs)
    }
  }

  private mutating func take(_ fresh: GPUDocument, _ nowMs: Int) {
    quarantine.observe(fresh)
    if fresh.gpus.contains(where: { $0.rare != nil }) {
      rare = fresh.gpus.map(\.rare)
      rareReadMs = nowMs
    }
    if let links = fresh.links { self.links = links }
    document = fresh
    readMs = nowMs
    failure = nil
    runs += 1
    // One that answers for a while is well; one that dies after each first answer is not.
    if nowMs - startedMs >= limits.backOffMaxMs { failuresInRow = 0 }
  }

  private mutating func finish(_ end: Result<[UInt8], ProbeFailure>, _ ended: ProbeProcess, _ nowMs: Int) {
    process = nil
    switch end {
    // It said that there is nothing to ask.
    case .success where document?.status == .unsupported && document?.gpus.isEmpty == true:
      nextStartMs = nowMs + limits.gpuSearchIntervalMs
    // It shows GPUs of other makers and goes to look for a driver again.
    case .success where document?.gpus.isEmpty == false && document?.status != .ok: nextStartMs = nowMs
    // It said why the driver cannot be asked now.
    case .success where document?.status != .ok: backOff(nowMs)
    case .success: fail(.exited(code: 0, message: ""), nowMs)
    case .failure(let why):
      if case .hung(_, _, abandoned: true) = why { abandoned = ended }
      fail(why, nowMs)
    }
  }

  private mutating func end(restartMs: Int) {
    // Its end of life kills it and waits for that, some milliseconds.
    process = nil
    nextStartMs = restartMs
  }

  private mutating func fail(_ why: ProbeFailure, _ nowMs: Int) {
    process = nil
    failure = why
    runs += 1
    backOff(nowMs)
  }

  private mutating func backOff(_ nowMs: Int) {
    // The shift is bounded, so that the product cannot overflow.
    let pause = limits.backOffMs << min(failuresInRow, 16)
    failuresInRow += 1
    nextStartMs = nowMs + min(pause, limits.backOffMaxMs)
  }
}
