import Testing

@testable import SchedulerCore

/// How many drafts a batch gets, and in which trees, under conditions that can be worked out by hand.
struct DraftAllocationTests {
  private static let tree = EngineDescription.Drafter.Tree(widthMax: 8, nodesMax: 31)
  /// One step of the drafter.
  private static let stepUs = 500.0
  private static let half = CandidateBelief.Weights(0, 0, 1, 0)

  private static func sure(_ level: Int) -> AcceptanceBelief.Weights {
    var weights = AcceptanceBelief.Weights(repeating: 0)
    weights[level] = 1
    return weights
  }

  private struct Drafts: Equatable {
    var drafts: Int
    var shape: DraftShape

    var depth: Int { shape.depth(drafts: drafts) }
  }

  private func decide(
    _ beliefs: [AcceptanceBelief.Weights], trees: EngineDescription.Drafter.Tree? = Self.tree, levels: Int = 12,
    room: Int = 1_000, tokenUs: Double = 13, plainUs: Double, tokensMost: Int = 8_192, limitUs: Double = .infinity,
    perBatch: Bool = false
  ) -> [Drafts] {
    var allocation = DraftAllocation()
    allocation.open(depthMost: levels, trees: trees)
    for (slot, weights) in beliefs.enumerated() {
      allocation.add(
        slot: slot, serial: RequestSerial(slot + 1), room: room, weights: weights, further: Self.half, unseenTokens: 0)
    }
    let conditions = DraftConditions(
      plainUs: plainUs, tokenUs: tokenUs, decodeUs: plainUs, tokensMost: tokensMost, limitUs: limitUs)
    allocation.decide(conditions, stepUs: Self.stepUs, perBatch: perBatch)
    var found: [Drafts] = []
    allocation.visit { _, _, drafts, shape, _ in found.append(Drafts(drafts: drafts, shape: shape)) }
    return found
  }

  /// T = 8.5 ms, 13 us a token: all but the time of the drafter's steps is nearly free.
  @Test func oneRequestDraftsWideAndDeep() {
    let chain = decide([Self.sure(5)], trees: nil, plainUs: 8_500)[0]
    let tree = decide([Self.sure(5)], plainUs: 8_500)[0]
    #expect(chain.shape.isChain && chain.drafts >= 6)
    #expect(tree.depth > chain.depth)
    #expect(tree.drafts > 2 * tree.depth && tree.drafts <= 31)
    #expect(tree.shape.width(1) >= 4)
  }

  /// Two levels, four drafts, a = .6, f = .5: E of 2, 2 candidates is 1 + .72 + .72 * .72 = 2.238, of 3, 1 it is
  /// 1 + .762 * 1.6 = 2.219.
  @Test func fourDraftsOnTwoLevels() {
    let found = decide([Self.sure(4)], trees: .init(widthMax: 3, nodesMax: 4), levels: 2, plainUs: 8_500)
    #expect(found == [Drafts(drafts: 4, shape: DraftShape(widths: [2, 2]))])
  }

  /// T = 21 ms, n = 256: a request's part is 82 us, and 500 us of drafting are 2 us for each. The first draft of a = .6
  /// is worth 82 * log(1.6) = 39 us and costs 13, the second, 82 * log(1.96/1.6) = 17; a second candidate is worth
  /// 82 * log(1 + .2 * .96/1.96) = 8.
  @Test func largeBatchesDraftChains() {
    let found = decide(Array(repeating: Self.sure(4), count: 256), plainUs: 21_000)
    #expect(found.allSatisfy { $0.shape.isChain && (1...3).contains($0.drafts) })
    #expect(found == decide(Array(repeating: Self.sure(4), count: 256), trees: nil, plainUs: 21_000))
  }

  @Test func hopelessDraftsAreNotMade() {
    let found = decide(Array(repeating: Self.sure(0), count: 256), plainUs: 21_000)
    #expect(found.allSatisfy { $0.drafts == 0 && $0.shape.isChain })
  }

  /// Easy requests of one batch draft deeper than hard ones.
  @Test func eachRequestHasItsOwnTree() {
    let found = decide([Self.sure(7), Self.sure(1), Self.sure(7), Self.sure(1)], plainUs: 9_000)
    #expect(found[0] == found[2] && found[1] == found[3])
    #expect(found[0].depth > found[1].depth)
  }

  @Test func treesStayWithinTokensRoomAndTime() {
    let beliefs = Array(repeating: Self.sure(5), count: 8)
    for tokensMost in [0, 3, 8, 20, 60] {
      let found = decide(beliefs, plainUs: 9_000, tokensMost: tokensMost)
      #expect(found.reduce(0) { $0 + $1.drafts } <= tokensMost)
      #expect(tokensMost < 8 || found.contains { $0.drafts > 0 })
    }
    for room in 0...4 {
      #expect(decide(beliefs, room: room, plainUs: 9_000).allSatisfy { $0.drafts <= room })
    }
    let limitUs = 11_000.0
    let found = decide(beliefs, plainUs: 9_000, limitUs: limitUs)
    let depth = found.map(\.depth).max() ?? 0
    #expect(9_000 + 13 * Double(found.reduce(0) { $0 + $1.drafts }) + Self.stepUs * Double(depth) <= limitUs)
    #expect(depth > 0)
  }

  @Test func oneTreeForAWholeBatch() {
    let found = decide([Self.sure(7), Self.sure(3), Self.sure(5)], plainUs: 9_000, perBatch: true)
    #expect(Set(found.map(\.shape)).count == 1 && Set(found.map(\.drafts)).count == 1)
    #expect(!found[0].shape.isChain)
  }

  /// Within the limits, and the same from the same, whatever is believed.
  @Test(arguments: [21, 22, 23, 24] as [UInt64])
  func limitsHoldForRandomBatches(seed: UInt64) {
    var random = SplitMix64(seed)
    for _ in 0..<40 {
      let tree = EngineDescription.Drafter.Tree(widthMax: 2 + random.below(7), nodesMax: 2 + random.below(34))
      let drafter = EngineDescription.Drafter(kMax: 1 + random.below(16), per: .request, tree: tree)
      let beliefs = (0..<1 + random.below(40)).map { _ in
        var weights = AcceptanceBelief.Weights(repeating: 0)
        for level in weights.indices { weights[level] = Double(1 + random.below(50)) }
        return weights / weights.sum()
      }
      let tokensMost = random.below(400)
      let isPerBatch = random.below(3) == 0
      func decideOnce() -> [Drafts] {
        decide(
          beliefs, trees: tree, levels: drafter.kMax, plainUs: Double(2_000 + 200 * beliefs.count),
          tokensMost: tokensMost, perBatch: isPerBatch)
      }
      let found = decideOnce()
      #expect(found.reduce(0) { $0 + $1.drafts } <= tokensMost, "seed \(seed)")
      #expect(found.allSatisfy { drafter.allows(drafts: $0.drafts, shape: $0.shape) }, "seed \(seed)")
      #expect(found.allSatisfy { $0.drafts == 0 || $0.shape.cut(to: $0.drafts) == $0.shape }, "seed \(seed)")
      #expect(decideOnce() == found, "seed \(seed)")
    }
  }
}
