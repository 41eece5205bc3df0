import SchedulerCore
import Synchronization

/// What the monitor saw last, handed from its thread to all readers. Each lock is held for an exchange of references:
/// what was there before is freed outside of it, so that nobody waits for that.
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
  /// The part that loops read which answer Steps: nothing but a new one of its kind is ever waited for.
  private let steering = Mutex(ResourceSnapshot.unknown)

  var value: Value { state.withLock { $0 } }

  var resources: ResourceSnapshot { steering.withLock { $0 } }

  func publish(_ value: sending Value) {
    var resources = value.snapshot.resources
    var value = value
    steering.withLock { swap(&$0, &resources) }
    state.withLock { swap(&$0, &value) }
  }
}
