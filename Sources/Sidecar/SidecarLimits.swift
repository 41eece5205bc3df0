import SchedulerCore
import WireProtocol

/// Every limit of the daemon by name. A peer that goes beyond one gets an error that says which.
public struct SidecarLimits: Hashable, Sendable {
  public var wire = WireLimits()
  public var mirror = MirrorLimits()
  /// Connections per socket.
  public var connections = 256
  /// Calls of one connection that are being answered, streams included.
  public var callsPerConnection = 64
  /// Bytes that a connection has not read yet before it counts as slow.
  public var unreadBytes = 8 << 20
  /// How long a frame may stay incomplete.
  public var partialFrameMs = 30_000
  /// How long a loop looks for the Step that an engine has announced before it goes to sleep all the same.
  public var busyPollUs = 20_000
  /// How long a peer may leave `unreadBytes` unread before its connection is closed.
  public var slowReaderMs = 30_000
  /// How long connections may take to give their last replies when the sidecar stops.
  public var drainMs = 2_000
  /// Boot ids whose last applied Step is remembered.
  public var bootIDs = 4_096
  /// Tenants with a counter of their own; the charges of later ones are summed under one name.
  public var tenants = 10_000
  /// Requests in one answer to Admin/Requests, over all sessions.
  public var requestsListed = 10_000
  /// What each session records of its last inputs.
  var recording = StepRecorder.Limits()
  /// What all sessions record together, in bytes.
  public var recordingBytes = 512 << 20
  /// Connections that ended whose recordings are kept.
  public var endedRecordings = 4
  /// Policies in the history, on disk and in memory.
  public var policyHistory = 100
  /// Event loops for engine connections.
  public var engineLoops = 2

  public init() {}
}
