import Logging
import SchedulerCore
import ServiceLifecycle
import Sidecar
import WireProtocol

/// The probes of this machine as the sidecar reads them.
struct MachineProbes {
  let source: ResourceSource
  let services: [any Service]

  init(log: Logger) {
    source = ResourceSource(current: { .unknown }, snapshot: { [:] }, topology: { nil })
    services = []
  }
}
