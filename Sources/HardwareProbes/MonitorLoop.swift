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
  private var steering = SteeringValues()
  private var gauge = MemoryPressureGauge()
  private var tree: SnapshotTree?
  private var refresher: TopologyRefresher

  init(_ configuration: ResourceMonitor.Configuration, _ published: Publication, stop: Int32) {
    self.configuration = configuration
    self.published = published
    self.stop = stop
    let path = configuration.helperPath
    refresher = TopologyRefresher(
      find: { path.map { .success($0) } ?? HelperPath.find() }, limits: configuration.limits,
      nowMs: SystemClock.nowMs())
  }

  deinit { close(stop) }

  /// Until the other end of the pipe is closed.
  func run() {
    while !isStopped() {
      let runs = refresher.runs
      let nowMs = SystemClock.nowMs()
      refresher.advance(nowMs: nowMs)
      if nowMs >= nextCollectMs || refresher.runs != runs { collect(nowMs: nowMs) }
      let wakeMs = min(nextCollectMs, refresher.wakeMs(nowMs: nowMs))
      ProbeRun.wait(on: refresher.descriptors + [stop], atMostMs: wakeMs - SystemClock.nowMs())
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
    }
    // Without a collector nothing was ever published as good, and what was published grows stale.
    guard let readings = collector?.collect() else { return }
    publish(readings, nowMs)
  }

  private func publish(_ readings: MachineReadings, _ nowMs: Int) {
    let headroom = Headroom(readings)
    let level = gauge.update(
      MemoryPressureGauge.Look(
        nowMs: nowMs, someTotalUs: readings.memoryPressure.some.totalUs.value,
        fullTotalUs: readings.memoryPressure.full.totalUs.value, headroomBytes: headroom.bytes.value,
        capacityBytes: headroom.capacityBytes))
    let resources = steering.update(readings, headroom: headroom, level: level ?? .none)
    let assembly = SnapshotAssembly(nowMs: nowMs, openedMs: openedMs, limits: configuration.limits)
    let next = assembly.tree(
      readings, headroom: headroom, generation: resources.generation, level: level,
      topology: TopologyFigures.tree(refresher, nowMs))
    let merged = next.following(tree)
    tree = merged
    published.value = Publication.Value(
      snapshot: MachineSnapshot(resources: resources, tree: merged), topology: refresher.document,
      topologyStatus: refresher.status(nowMs: nowMs), topologyReadMs: refresher.readMs ?? 0,
      topologyFailure: refresher.failure)
  }

  private func isStopped() -> Bool {
    var entry = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }
}
