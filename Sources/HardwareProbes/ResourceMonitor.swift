import CShim
import Glibc
import SchedulerCore
import Synchronization
import WireProtocol

/// Watches the machine on a thread of its own and publishes what it saw. Reading the publication costs a short lock
/// and never waits for the machine, the kernel or the helper.
public final class ResourceMonitor: Sendable {
  public struct Configuration: Sendable {
    /// Roots of the kernel's file systems; tests point them at trees of their own.
    public var procRoot = "/proc"
    public var sysRoot = "/sys"
    /// The helper executable; nil looks for it (see `HelperPath`).
    public var helperPath: String?
    /// The GPU driver's library (libnvidia-ml.so.1); nil for where the dynamic linker finds it.
    public var gpuLibrary: String?
    /// The file of `coxswain-probe --calibrate --store`; nil for where the environment says.
    public var calibrationPath: String?
    public var limits = MonitorLimits()

    public init() {}
  }

  private struct Lifecycle: ~Copyable {
    var thread: pthread_t?
    /// Writing end of the pipe that wakes and ends the thread.
    var stopEnd: Int32 = -1
  }

  private let configuration: Configuration
  private let published: Publication
  private let lifecycle = Mutex(Lifecycle())

  public init(_ configuration: Configuration = Configuration()) {
    self.configuration = configuration
    published = Publication()
  }

  deinit { stop() }

  /// Takes a first look, then starts the thread. Does nothing when it runs already.
  /// - Throws: the system's refusal of a pipe or a thread.
  public func start() throws(MonitorError) {
    try lifecycle.withLock { (lifecycle) throws(MonitorError) in
      guard lifecycle.thread == nil else { return }
      var ends: [Int32] = [-1, -1]
      let code = cox_pipe(&ends)
      guard code == 0 else { throw MonitorError(errno: code) }
      let loop = MonitorLoop(configuration, published, stop: ends[0])
      loop.collect(nowMs: SystemClock.nowMs())
      do throws(MonitorError) { lifecycle.thread = try MonitorThread.start(loop) } catch {
        close(ends[1])
        throw error
      }
      lifecycle.stopEnd = ends[1]
    }
  }

  /// Ends the thread and a helper that still runs, and waits for that (milliseconds).
  public func stop() {
    lifecycle.withLock { lifecycle in
      guard let thread = lifecycle.thread else { return }
      close(lifecycle.stopEnd)
      // Fails only for a thread that does not exist or was joined, which the optional excludes.
      _ = pthread_join(thread, nil)
      lifecycle.thread = nil
      lifecycle.stopEnd = -1
    }
  }

  /// What steers plans, as last published.
  public func current() -> ResourceSnapshot { published.resources }

  /// The last look at the machine.
  public func machine() -> MachineSnapshot { published.value.snapshot }

  /// The document of `coxswain snapshot` (Schemas/snapshot-v1.json), ages as of now.
  public func snapshot() -> JSONValue { published.value.snapshot.json() }

  /// Whether the helper has been asked for everything at least once and answered or failed; the rest is read at once.
  public var isComplete: Bool { published.value.isComplete }

  /// The last good topology (Schemas/topology-v1.json) with its `status` and `age_ms`; nil while there never was one.
  public func topology() -> JSONValue? {
    let value = published.value
    guard var json = value.topology?.json.objectValue else { return nil }
    json["status"] = .string(value.topologyStatus.rawValue)
    json["age_ms"] = JSONValue(max(0, SystemClock.nowMs() - value.topologyReadMs))
    json["failure"] = value.topologyFailure.map { .string($0.description) } ?? .null
    return .object(json)
  }

  /// The last good topology as values.
  public func machineTopology() -> MachineTopology? { published.value.topology?.topology }
}
