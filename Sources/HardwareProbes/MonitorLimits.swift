/// Every limit of the monitor and of the helper that it runs.
public struct MonitorLimits: Sendable {
  /// Between two looks at the figures on which decisions hang.
  public var collectIntervalMs = 100
  /// Between two looks at everything that changes by itself. Looks between them are published if they bring news; while
  /// memory is short each one is a look at everything.
  public var fullLookIntervalMs = 1_000
  /// Between two openings of the kernel's files: finds nodes, CPUs and cgroups that came or went.
  public var reopenIntervalMs = 30_000
  /// Looks that may be missed before a value counts as stale.
  public var missedBeforeStale = 4
  /// Between two runs of the helper while all is well: what it reads changes by hot-plugging only.
  public var topologyIntervalMs = 60_000
  /// A topology that could not be read again for so long is lost; its last good value still serves.
  public var topologyLostAfterMs = 600_000
  /// Between two looks at the figures of GPUs that are cheap to read and change all the time.
  public var gpuIntervalMs = 1_000
  /// Between two looks at those that are dear or hardly change.
  public var gpuRareIntervalMs = 30_000
  /// Between two looks for a driver where there is none.
  public var gpuSearchIntervalMs = 60_000
  /// Figures of GPUs that are older are stale.
  public var gpuStaleAfterMs = 3_000
  /// A GPU driver that has not answered for so long says nothing about the GPUs any more: what it said is lost.
  public var gpuLostAfterMs = 60_000
  /// After a fault of a GPU the driver's library is opened anew so often, to see whether the GPU came back.
  public var gpuEnumerateIntervalMs = 60_000
  /// The helper is killed when it takes longer. It needs some 10 ms; a machine with 16 GPUs and cold caches, 1 s.
  public var helperDeadlineMs = 5_000
  /// Deadlines of stages that the helper names. Opening a driver that is not kept loaded takes a second for each GPU;
  /// a round of cheap calls takes milliseconds.
  public var stageDeadlinesMs = ["init": 15_000, "read": 3_000, "wait": 4_000]
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
