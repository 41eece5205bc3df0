import SchedulerCore

/// An iteration that runs: what it computes and when it ends.
struct LaunchedIteration {
  struct Item {
    var h: RequestHandle
    /// Its last known token is computed, so it makes an output token.
    var samples: Bool
  }

  var seq: UInt64
  var elapsedUs: Int
  var endUs: Int64
  var items: [Item]
}
