import Testing

@testable import SchedulerCore

/// How drafts lie in trees, counted and written.
struct DraftShapeTests {
  @Test func aChainHasOneCandidateAtEachLevel() {
    #expect(DraftShape.chain.depth(drafts: 5) == 5)
    #expect(DraftShape.chain.cut(to: 3) == .chain)
    #expect(DraftShape.chain.digits(drafts: 5) == "")
    #expect((1...35).allSatisfy { DraftShape.chain.width($0) == 1 })
  }

  @Test func aTreeIsCutInLevelOrder() {
    let shape = DraftShape(widths: [4, 2, 1, 1])
    #expect(shape.depth(drafts: 8) == 4)
    #expect(shape.digits(drafts: 8) == "4211")
    // 4 and 1 of 2.
    #expect(shape.depth(drafts: 5) == 2)
    #expect(shape.cut(to: 5).digits(drafts: 5) == "41")
    #expect(shape.cut(to: 3).digits(drafts: 3) == "3")
    // One candidate is no tree any more.
    #expect(shape.cut(to: 1) == .chain)
    #expect(shape.cut(to: 0) == .chain)
  }

  @Test func onlyWhatAnEngineDeclaresIsAllowed() {
    let drafter = EngineDescription.Drafter(kMax: 4, per: .request, tree: .init(widthMax: 3, nodesMax: 6))
    #expect(drafter.allows(drafts: 4, shape: .chain))
    #expect(!drafter.allows(drafts: 5, shape: .chain))
    #expect(drafter.allows(drafts: 6, shape: DraftShape(widths: [3, 2, 1])))
    #expect(!drafter.allows(drafts: 7, shape: DraftShape(widths: [3, 2, 2])))
    #expect(!drafter.allows(drafts: 4, shape: DraftShape(widths: [4])))
    #expect(!drafter.allows(drafts: 6, shape: DraftShape(widths: [2, 1, 1, 1, 1])))
    let chains = EngineDescription.Drafter(kMax: 4, per: .request)
    #expect(!chains.allows(drafts: 3, shape: DraftShape(widths: [2, 1])))
  }

  @Test(arguments: [11, 12, 13] as [UInt64])
  func whatIsWrittenReadsBack(seed: UInt64) throws {
    var random = SplitMix64(seed)
    for _ in 0..<500 {
      let widths = (0..<1 + random.below(20)).map { $0 < DraftShape.wideLevelsMax ? 1 + random.below(8) : 1 }
      let shape = DraftShape(widths: widths)
      let drafts = widths.reduce(0, +)
      #expect(shape.depth(drafts: drafts) == widths.count, "seed \(seed)")
      let digits = shape.isChain ? String(repeating: "1", count: drafts) : shape.digits(drafts: drafts)
      let read = try #require(DraftShape.read(digits))
      #expect(read.shape == shape && read.drafts == drafts, "seed \(seed)")
      let fewer = random.below(drafts + 1)
      let cut = shape.cut(to: fewer)
      let depth = cut.depth(drafts: fewer)
      #expect((0..<depth).reduce(0) { $0 + cut.width($1 + 1) } == fewer, "seed \(seed)")
      #expect((0..<depth).allSatisfy { cut.width($0 + 1) <= shape.width($0 + 1) }, "seed \(seed)")
      // Nothing is left of the levels beyond.
      #expect(cut.width(depth + 1) == 1, "seed \(seed)")
    }
  }

  @Test(arguments: ["0", "9", "1a", "2-", "11111111112", " 1"])
  func otherDigitsAreNoShape(_ digits: String) {
    #expect(DraftShape.read(digits) == nil)
  }
}
