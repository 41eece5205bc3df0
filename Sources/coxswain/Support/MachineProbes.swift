import HardwareProbes
import Logging
import SchedulerCore
import Sidecar
import WireProtocol

/// The probes of this machine as the sidecar reads them.
struct MachineProbes {
  private let monitor = ResourceMonitor()

  /// A machine that cannot be watched is still served: everything about it is then unknown.
  init(log: Logger) {
    do throws(MonitorError) { try monitor.start() } catch {
      log.error("the machine is not watched", metadata: ["reason": "\(error.description)"])
    }
  }

  var source: ResourceSource {
    let monitor = monitor
    return ResourceSource(
      current: { monitor.current() }, snapshot: { monitor.snapshot() }, topology: { monitor.topology() })
  }

  func stop() { monitor.stop() }
}
