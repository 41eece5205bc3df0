/// Block arithmetic of an engine's KV groups (Docs/wire.md, session rule 3). Several groups may draw on one pool.
public struct KVGeometry: Hashable, Codable, Sendable {
  private struct Group: Hashable, Codable, Sendable {
    var pool: Int
    var blockTokens: Int
    /// Most blocks that one request holds; `Int.max` for full attention.
    var maxBlocks: Int
  }

  private let groups: ContiguousArray<Group>
  /// Tokens per block that divides every group's block: growth that stays inside one of these needs no block.
  private let commonBlockTokens: Int
  public let poolBlocks: ContiguousArray<Int>

  public init(_ model: EngineDescription.Model) {
    poolBlocks = ContiguousArray(model.pools.map(\.blocks))
    groups = ContiguousArray(
      model.kvGroups.map { group in
        // A window that straddles block borders touches one block more than it fills.
        let window = group.windowTokens > 0 ? ceilDivide(group.windowTokens, group.blockTokens) + 1 : Int.max
        return Group(pool: group.pool, blockTokens: group.blockTokens, maxBlocks: window)
      })
    var common = 0
    for group in groups { common = greatestCommonDivisor(common, group.blockTokens) }
    commonBlockTokens = max(1, common)
    largestBlockTokens = max(1, groups.map(\.blockTokens).max() ?? 1)
  }

  /// Tokens that all pools together can hold, every group of full attention counted; the scarcest pool decides.
  public var capacityTokens: Double { capacityTokens(withoutBlocks: 0) }

  /// Tokens of the largest block of any group.
  let largestBlockTokens: Int

  /// The same when so many blocks of each pool hold something else.
  func capacityTokens(withoutBlocks taken: Int) -> Double {
    var least = Double.greatestFiniteMagnitude
    for pool in poolBlocks.indices {
      var blocksPerToken = 0.0
      for group in groups where group.pool == pool && group.maxBlocks == Int.max {
        blocksPerToken += 1 / Double(group.blockTokens)
      }
      if blocksPerToken > 0 { least = min(least, Double(max(0, poolBlocks[pool] - taken)) / blocksPerToken) }
    }
    return least
  }

  public var poolCount: Int { poolBlocks.count }

  /// False when growth from `computed` to `target` tokens surely needs no block; most decodes end here.
  @inline(__always)
  func grows(from computed: Int, to target: Int) -> Bool {
    guard target > computed else { return false }
    guard computed > 0 else { return true }
    let offset = offsetInBlock(computed)
    return offset == 0 || offset + (target - computed) > commonBlockTokens
  }

  /// Blocks are powers of two as a rule, and a division takes longer than all the rest of a decode's check.
  @inline(__always)
  private func offsetInBlock(_ computed: Int) -> Int {
    let mask = commonBlockTokens - 1
    return commonBlockTokens & mask == 0 ? computed & mask : computed % commonBlockTokens
  }

  /// Adds the blocks that a request needs to grow from `computed` to `target` tokens to `need`, one count per pool.
  /// Returns whether it needs any.
  @discardableResult
  public func addGrowth(from computed: Int, to target: Int, into need: inout ContiguousArray<Int>) -> Bool {
    var any = false
    for group in groups {
      let before = min(group.maxBlocks, ceilDivide(max(0, computed), group.blockTokens))
      let after = min(group.maxBlocks, ceilDivide(max(0, target), group.blockTokens))
      if after > before {
        need[group.pool] += after - before
        any = true
      }
    }
    return any
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}

/// Smallest integer not less than `value / divisor`; `value >= 0`, `divisor > 0`.
@inline(__always)
func ceilDivide(_ value: Int, _ divisor: Int) -> Int { (value + divisor - 1) / divisor }
