import SchedulerCore

/// An iteration that runs: what it computes and when it ends.
struct LaunchedIteration {
  struct Item {
    var h: RequestHandle
    /// Its last known token is computed, so it makes an output token.
    var samples: Bool
    /// Drafts that it verifies.
    var drafts: Int
  }

  /// An item that was planned with drafts, in plan order.
  struct Drafted {
    var h: RequestHandle
    /// Drafts that are really verified; 0 when the item did not run.
    var drafts: Int
    /// Of these drafts.
    var shape = DraftShape.chain

    /// Their levels: steps of the drafter.
    var depth: Int { shape.depth(drafts: drafts) }
  }

  var seq: UInt64
  var startUs: Int64
  var elapsedUs: Int
  var items: [Item]
  var drafted: [Drafted]

  var endUs: Int64 { startUs + Int64(elapsedUs) }
}
