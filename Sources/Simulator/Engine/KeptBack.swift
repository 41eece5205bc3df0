import SchedulerCore

/// A request that waits for its prefix to come back from the slower tier.
struct KeptBack {
  var h: RequestHandle
  var untilUs: Int64
  /// The scheduler was told that it is blocked.
  var isTold = false
}
