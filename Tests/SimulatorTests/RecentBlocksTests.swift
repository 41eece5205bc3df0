import Testing

@testable import Simulator

struct RecentBlocksTests {
  /// Three generations of new blocks: what came last is known, what came first is not, and no more than two are kept.
  @Test func theNewestAreKnownAndTheMemoryIsBounded() {
    var blocks = RecentBlocks()
    let generation = UInt64(RecentBlocks.generationMax)
    var most = 0
    for block in 0..<(3 * generation) {
      blocks.insert(block)
      most = max(most, blocks.count)
    }
    #expect(blocks.contains(3 * generation - 1))
    #expect(blocks.contains(2 * generation))
    #expect(!blocks.contains(generation - 1))
    #expect(most <= 2 * RecentBlocks.generationMax)
  }

  /// A block that is used again and again is never forgotten.
  @Test func whatIsUsedStays() {
    var blocks = RecentBlocks()
    for block in 1..<UInt64(4 * RecentBlocks.generationMax) {
      blocks.insert(block)
      if block % 100_000 == 0 { blocks.insert(0) }
    }
    #expect(blocks.contains(0))
  }
}
