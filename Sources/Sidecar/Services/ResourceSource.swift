import SchedulerCore
import WireProtocol

/// Where the sidecar reads the machine: values published by the probes, never a measurement of its own.
public struct ResourceSource: Sendable {
  /// What steers plans, as last published.
  public var current: @Sendable () -> ResourceSnapshot
  /// The document of `Resources/Snapshot`.
  public var snapshot: @Sendable () -> JSONValue
  /// The document of `Resources/Topology`; nil while no topology is known.
  public var topology: @Sendable () -> JSONValue?

  public init(
    current: @escaping @Sendable () -> ResourceSnapshot, snapshot: @escaping @Sendable () -> JSONValue,
    topology: @escaping @Sendable () -> JSONValue?
  ) {
    self.current = current
    self.snapshot = snapshot
    self.topology = topology
  }
}
