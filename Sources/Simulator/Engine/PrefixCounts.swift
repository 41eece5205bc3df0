/// What became of cached prefix blocks in one run.
struct PrefixCounts: Hashable, Sendable {
  /// Blocks that plans evicted, those behind the named units included, and units that they named.
  var planEvictedBlocks = 0
  var planEvictedUnits = 0
  /// Named units that were gone already, or in use.
  var missedUnits = 0
  /// Blocks that the engine evicted by its own rule, and those of them that were pinned.
  var engineEvictedBlocks = 0
  var pinnedEvictedBlocks = 0
  var pinnedUnits = 0
  /// Blocks that came back from the slower tier; those of them that somebody found; those that went unused.
  var fetchedBlocks = 0
  var fetchedHitBlocks = 0
  var fetchedWastedBlocks = 0
  /// Blocks that went to the slower tier.
  var storedBlocks = 0
  /// Time in which the link brought blocks back, in microseconds.
  var fetchUs = 0

  mutating func merge(_ other: PrefixCounts) {
    planEvictedBlocks += other.planEvictedBlocks
    planEvictedUnits += other.planEvictedUnits
    missedUnits += other.missedUnits
    engineEvictedBlocks += other.engineEvictedBlocks
    pinnedEvictedBlocks += other.pinnedEvictedBlocks
    pinnedUnits += other.pinnedUnits
    fetchedBlocks += other.fetchedBlocks
    fetchedHitBlocks += other.fetchedHitBlocks
    fetchedWastedBlocks += other.fetchedWastedBlocks
    storedBlocks += other.storedBlocks
    fetchUs += other.fetchUs
  }
}
