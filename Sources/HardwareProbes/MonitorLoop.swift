import Glibc
import SchedulerCore
import WireProtocol

/// What the monitor's thread does: look at the kernel's files, keep the helper going, publish. Belongs to one thread.
final class MonitorLoop {
  private let configuration: ResourceMonitor.Configuration
  private let published: Publication
  private let stop: Int32
  private var collector: ShimCollector?
  private var openedMs = 0
  private var nextCollectMs = 0
  /// When everything was read last.
  private var fullMs = 0
  /// What was published last is made of this look.
  private var glance: Glance?
  /// Room below the binding limit is this part of it at least: nothing can happen between two looks at everything.
  private static let roomyParts = 4
  private var isRoomy = false
  private var steering = SteeringValues()
  private var gauge = MemoryPressureGauge()
  private var trigger: PressureTrigger?
  /// What changes slowly is made anew at this pace, or when the helper brought news.
  private static let slowIntervalMs = 5_000
  private var earlier: SnapshotTree?
  private var helper: MachineSnapshot.HelperTrees?
  private var slowMs = 0
  private var runsShown = -1
  /// The last good topology with the links that the GPU driver knows.
  private var topology: TopologyDocument?
  private var refresher: TopologyRefresher
  private var gpus: GPUStream
  private var calibration: Calibration?

  init(_ configuration: ResourceMonitor.Configuration, _ published: Publication, stop: Int32) {
    self.configuration = configuration
    self.published = published
    self.stop = stop
    let path = configuration.helperPath
    let find = { path.map { .success($0) } ?? HelperPath.find() }
    let nowMs = SystemClock.nowMs()
    refresher = TopologyRefresher(find: find, limits: configuration.limits, nowMs: nowMs)
    gpus = GPUStream(
      gpuLibrary: configuration.gpuLibrary, sysRoot: configuration.sysRoot, find: find, limits: configuration.limits,
      nowMs: nowMs)
  }

  deinit { close(stop) }

  /// Until the other end of the pipe is closed.
  func run() {
    trigger = PressureTrigger(
      procRoot: configuration.procRoot, someCentipercent: MemoryPressureGauge.Thresholds().warnSomeCentipercent)
    while !isStopped() {
      let runs = refresher.runs + gpus.runs
      let nowMs = SystemClock.nowMs()
      refresher.advance(nowMs: nowMs)
      gpus.advance(nowMs: nowMs)
      if nowMs >= nextCollectMs || refresher.runs + gpus.runs != runs { collect(nowMs: nowMs) }
      let wakeMs = min(nextCollectMs, refresher.wakeMs(nowMs: nowMs), gpus.wakeMs(nowMs: nowMs))
      let descriptors = refresher.descriptors + gpus.descriptors
      let isUrgent = ProbeRun.wait(
        on: descriptors + [stop], urgent: trigger?.descriptor, atMostMs: wakeMs - SystemClock.nowMs())
      // The kernel says so once in a window: a look now, and the usual pace again.
      if isUrgent { nextCollectMs = 0 }
    }
  }

  /// One look, published.
  func collect(nowMs: Int) {
    let limits = configuration.limits
    nextCollectMs = nowMs + limits.collectIntervalMs
    if collector == nil || nowMs - openedMs >= limits.reopenIntervalMs {
      let fresh = ShimCollector(procRoot: configuration.procRoot, sysRoot: configuration.sysRoot)
      // Short of memory the kept descriptors still serve; what was read at their opening grows old and says so.
      if let fresh {
        collector = fresh
        openedMs = nowMs
      }
      // No file: nothing was measured on this machine.
      calibration = try? Calibration.load(configuration.calibrationPath ?? Calibration.path)
    }
    // Without a collector nothing was ever published as good, and what was published grows stale.
    guard let collector else { return }
    let isFull = openedMs == nowMs || gauge.level != .none || nowMs - fullMs >= limits.fullLookIntervalMs
    if isFull { fullMs = nowMs }
    collector.look(isFull: isFull)
    let glance = collector.glance(nowMs: nowMs)
    let isNews = runsShown != refresher.runs + gpus.runs || !isRoomy
    if !isFull, !isNews, let earlier = self.glance, glance.isCalm(since: earlier) { return }
    self.glance = glance
    publish(collector.readings(isFull: isFull), nowMs)
  }

  private func publish(_ readings: MachineReadings, _ nowMs: Int) {
    let headroom = Headroom(readings)
    isRoomy = (headroom.bytes.value ?? 0) >= (headroom.capacityBytes ?? .max) / Self.roomyParts
    let level = gauge.update(
      MemoryPressureGauge.Look(
        nowMs: nowMs, someTotalUs: readings.memoryPressure.some.totalUs.value,
        fullTotalUs: readings.memoryPressure.full.totalUs.value, headroomBytes: headroom.bytes.value,
        capacityBytes: headroom.capacityBytes))
    let resources = steering.update(
      readings, headroom: headroom, level: level ?? .none, isFull: fullMs == nowMs, calibration: calibration)
    let assembly = SnapshotAssembly(nowMs: nowMs, fullMs: fullMs, openedMs: openedMs, limits: configuration.limits)
    // A driver that keeps silent is news each time: how long it has been silent is said.
    let isSilent = gpus.waitedMs(nowMs: nowMs) != nil
    let isSlowDue = isSilent || nowMs - slowMs >= Self.slowIntervalMs || runsShown != refresher.runs + gpus.runs
    let helper = isSlowDue ? helperTrees(nowMs) : self.helper ?? helperTrees(nowMs)
    let snapshot = MachineSnapshot(
      resources: resources,
      parts: .init(
        readings: readings, headroom: headroom, level: level, assembly: assembly, helper: helper, earlier: earlier))
    if isSlowDue {
      earlier = snapshot.tree
      self.helper = helper
      slowMs = nowMs
      topology = refresher.document?.adding(gpus.links)
      runsShown = refresher.runs + gpus.runs
    }
    published.publish(
      Publication.Value(
        snapshot: snapshot, topology: topology, topologyStatus: refresher.status(nowMs: nowMs),
        topologyReadMs: refresher.readMs ?? 0, topologyFailure: refresher.failure,
        isComplete: refresher.runs > 0 && gpus.runs > 0))
  }

  private func helperTrees(_ nowMs: Int) -> MachineSnapshot.HelperTrees {
    let limits = configuration.limits
    let gpus = GPUFigures(
      stream: gpus, expected: refresher.document?.nvidiaGPUs, calibration: calibration, nowMs: nowMs, limits: limits)
    let disk = DiskFigures(
      calibration: calibration, nowMs: nowMs, staleAfterMs: Self.slowIntervalMs * limits.missedBeforeStale)
    return .init(gpus: gpus.tree, topology: TopologyFigures.tree(refresher, nowMs), disk: disk.tree)
  }

  private func isStopped() -> Bool {
    var entry = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }
}
