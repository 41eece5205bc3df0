/// Every limit of the monitor and of the helper that it runs.
public struct MonitorLimits: Sendable {
  /// Between two looks at the figures that change by themselves.
  public var collectIntervalMs = 500
  /// Between two openings of the kernel's files: finds nodes, CPUs and cgroups that came or went.
  public var reopenIntervalMs = 30_000
  /// Looks that may be missed before a value counts as stale.
  public var missedBeforeStale = 4
  /// Between two runs of the helper while all is well: what it reads changes by hot-plugging only.
  public var topologyIntervalMs = 60_000
  /// A topology that could not be read again for so long is lost; its last good value still serves.
  public var topologyLostAfterMs = 600_000
  /// Between two looks at the GPUs of a machine that has some: each takes a run of the helper.
  public var gpuIntervalMs = 2_000
  /// Between two looks for a driver where there is none.
  public var gpuSearchIntervalMs = 60_000
  /// Figures of GPUs that are older are stale.
  public var gpuStaleAfterMs = 3_000
  /// The helper is killed when it takes longer. It needs some 10 ms; a machine with 16 GPUs and cold caches, 1 s.
  public var helperDeadlineMs = 5_000
  /// A killed helper that is not gone by then hangs in the kernel: it is abandoned, and none other runs until it ends.
  public var helperKillGraceMs = 500
  /// A helper that prints more is killed. 16 GPUs and 384 cores take about 60 KB.
  public var helperOutputBytes = 4 << 20
  /// How much of its last words is kept for the message.
  public var helperErrorBytes = 4 << 10
  /// After a failure; doubled by each further one.
  public var backOffMs = 1_000
  public var backOffMaxMs = 60_000

  public init() {}
}
