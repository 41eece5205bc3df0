/// How much of a victim's KV the engine's prefix cache will still hold when the victim comes back. What a victim gives
/// back is the first to be overwritten, last block first: so many blocks are lost as others take meanwhile. How many
/// that is, recent victims show; whether the engine keeps anything at all, those that were computed again.
struct CacheSurvival: Codable, Sendable {
  /// Recent returns that are remembered.
  static let historyMax = 32
  /// One observation moves the share of blocks that the cache can name by this much of its error.
  static let gain = 0.25

  /// Blocks that others took while a victim was away, of recent victims.
  private var taken: ContiguousArray<Int32> = []
  private var next = 0
  /// Share of the surviving blocks that was really found again. Believed until seen: a wrong belief costs one
  /// recompute, a doubt that nothing ever tests would cost copies for ever.
  private(set) var foundShare = 1.0

  /// A victim that held `blocks` blocks came back.
  /// - Parameters:
  ///   - taken: blocks that others took while it was away.
  ///   - found: blocks of its own that the cache still held; nil where it was copied, and nobody looked.
  mutating func observe(blocks: Int, taken count: Int, found: Int?) {
    if taken.count < Self.historyMax {
      taken.append(Int32(clamping: count))
    } else {
      taken[next] = Int32(clamping: count)
      next = (next + 1) % Self.historyMax
    }
    let surviving = blocks - count
    guard let found, surviving > 0 else { return }
    let share = min(1, Double(found) / Double(surviving))
    foundShare += Self.gain * (share - foundShare)
  }

  /// Blocks, of `blocks`, that are expected to be there still; 0 while nothing is known.
  func expected(blocks: Int) -> Double {
    guard !taken.isEmpty else { return 0 }
    let sum = taken.reduce(0) { $0 + max(0, blocks - Int($1)) }
    return foundShare * Double(sum) / Double(taken.count)
  }
}
