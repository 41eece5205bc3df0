/// The prefix blocks that were seen last: the newest half million at least, a million at most. With 16 tokens to a
/// block that is twenty times the KV of an 80 GB GPU, and the memory for it does not grow with the trace.
struct RecentBlocks {
  static let generationMax = 500_000

  private var newer: Set<UInt64> = []
  private var older: Set<UInt64> = []

  var count: Int { newer.count + older.count }

  func contains(_ block: UInt64) -> Bool { newer.contains(block) || older.contains(block) }

  mutating func insert(_ block: UInt64) {
    guard newer.insert(block).inserted, newer.count >= Self.generationMax else { return }
    swap(&older, &newer)
    newer.removeAll(keepingCapacity: true)
  }
}
