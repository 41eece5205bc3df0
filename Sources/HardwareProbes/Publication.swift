import SchedulerCore
import Synchronization

/// What the monitor saw last, handed from its thread to all readers.
final class Publication: Sendable {
  struct Value: Sendable {
    var snapshot: MachineSnapshot
    var topology: TopologyDocument?
    var topologyStatus: FigureStatus
    var topologyReadMs: Int
    var topologyFailure: ProbeFailure?
    /// The helper was asked for everything at least once and answered or failed.
    var isComplete = false
  }

  private let state = Mutex(
    Value(
      snapshot: MachineSnapshot(resources: .unknown), topology: nil,
      topologyStatus: .unsupported,
      topologyReadMs: 0, topologyFailure: nil))

  var value: Value {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
