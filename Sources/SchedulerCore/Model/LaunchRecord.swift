/// Work that an engine launched and has not reported settled (Docs/wire.md, session rules 7 and 8).
struct LaunchRecord: Codable, Sendable {
  struct Drafted: Codable, Sendable {
    var slot: Int32
    var handle: RequestHandle
    var k: Int32
    /// Of the `k` drafts.
    var shape = DraftShape.chain

    /// Most drafts that can be right.
    var depth: Int { shape.depth(drafts: Int(k)) }
  }

  var seq: UInt64 = 0
  /// Everybody the plan named: no truncate, requeue or swap may name them until it settles.
  var items: ContiguousArray<PlannedStep.Item> = []
  /// One entry per item planned with drafts, in plan order; k = 0 for exceptions.
  var drafted: ContiguousArray<Drafted> = []

  /// Some of the drafts lie in trees.
  var hasTrees: Bool { drafted.contains { !$0.shape.isChain } }

  /// What the planned items computed, exceptions apart.
  var features = IterationFeatures()
  /// Everything ran as planned, so that `features` describe the iteration.
  var isAsPlanned = false
  /// Adapters that it is believed to have waited for.
  var adapterLoads = 0

  mutating func removeAll() {
    seq = 0
    features = IterationFeatures()
    isAsPlanned = false
    adapterLoads = 0
    items.removeAll(keepingCapacity: true)
    drafted.removeAll(keepingCapacity: true)
  }
}
