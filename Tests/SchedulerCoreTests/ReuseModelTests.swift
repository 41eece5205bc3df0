import Testing

@testable import SchedulerCore

/// Four kinds in two families: 0 and 1, 2 and 3.
struct ReuseModelTests {
  private static let young = 6
  private static let old = 16

  private func model() -> ReuseModel { ReuseModel(kinds: 4, familySize: 2) }

  /// So many blocks of a kind passed through a bin, and some of them were asked for.
  private func pass(_ model: inout ReuseModel, kind: Int, bin: Int, used: Int, of count: Int) {
    let us = ReuseModel.edgeUs(bin) - ReuseModel.edgeUs(bin - 1)
    for index in 0..<count { model.observe(kind: kind, bin: bin, us: us, wasUsed: index < used) }
  }

  private func fit(_ model: inout ReuseModel, blocks: Int = 1) {
    for _ in 0..<ReuseModel.fitEvery { model.countRequest(blocks: blocks) }
  }

  private func value(_ model: ReuseModel, _ kind: Int, _ bin: Int) -> Int {
    model.value(kind: kind, ageUs: ReuseModel.edgeUs(bin - 1))
  }

  /// Nothing seen: all kinds alike, and age alone tells blocks apart, the older the less.
  @Test func startsAsLeastRecentlyUsed() {
    var model = model()
    fit(&model)
    for bin in 1..<ReuseModel.bins {
      #expect(Set((0..<4).map { value(model, $0, bin) }).count == 1)
      #expect(value(model, 0, bin) <= model.value(kind: 0, ageUs: ReuseModel.edgeUs(bin - 1) - 1), "\(bin)")
    }
    #expect(value(model, 0, 1) > value(model, 0, ReuseModel.bins - 1))
  }

  /// A kind that was never seen is taken for one like its family, one that was seen for what it is.
  @Test func unseenKindsFollowTheirFamily() {
    var model = model()
    pass(&model, kind: 0, bin: Self.young, used: 900, of: 1_000)
    pass(&model, kind: 2, bin: Self.young, used: 10, of: 1_000)
    fit(&model)
    let values = (0..<4).map { value(model, $0, Self.young) }
    #expect(values[0] > 2 * values[2])
    #expect(values[1] > 2 * values[3])
  }

  /// What one kind does early and another late is told apart by age, though both are asked for alike often.
  @Test func kindsHaveTheirOwnTime() {
    var model = model()
    for (kind, early, late) in [(0, 400, 0), (2, 0, 400)] {
      pass(&model, kind: kind, bin: Self.young, used: early, of: 1_000)
      pass(&model, kind: kind, bin: Self.old, used: late, of: 1_000 - early)
    }
    fit(&model)
    #expect(value(model, 0, Self.young) > value(model, 2, Self.young))
    #expect(value(model, 0, Self.old) < value(model, 2, Self.old))
  }

  /// A prompt of a hundred blocks that comes back says as much as one of a single block.
  @Test func evidenceCountsInRequests() {
    var (small, large) = (model(), model())
    pass(&small, kind: 0, bin: Self.young, used: 10, of: 10)
    pass(&small, kind: 2, bin: Self.young, used: 0, of: 10)
    pass(&large, kind: 0, bin: Self.young, used: 1_000, of: 1_000)
    pass(&large, kind: 2, bin: Self.young, used: 0, of: 1_000)
    fit(&small, blocks: 1)
    fit(&large, blocks: 100)
    for kind in 0..<4 {
      let (a, b) = (Double(value(small, kind, Self.young)), Double(value(large, kind, Self.young)))
      #expect(abs(a - b) < 1e-6 * a, "\(kind)")
    }
    var sure = model()
    pass(&sure, kind: 0, bin: Self.young, used: 1_000, of: 1_000)
    pass(&sure, kind: 2, bin: Self.young, used: 0, of: 1_000)
    fit(&sure, blocks: 1)
    let apart = { (model: ReuseModel) in
      Double(value(model, 0, Self.young)) / Double(value(model, 2, Self.young))
    }
    #expect(apart(sure) > 2 * apart(large))
  }

  /// What was learned first gives way to what is true now.
  @Test func forgets() {
    var model = model()
    pass(&model, kind: 0, bin: Self.young, used: 5_000, of: 5_000)
    pass(&model, kind: 2, bin: Self.young, used: 0, of: 5_000)
    fit(&model)
    #expect(value(model, 0, Self.young) > value(model, 2, Self.young))
    for _ in 0..<600 {
      pass(&model, kind: 0, bin: Self.young, used: 0, of: 20)
      pass(&model, kind: 2, bin: Self.young, used: 20, of: 20)
      fit(&model)
    }
    #expect(2 * value(model, 0, Self.young) < value(model, 2, Self.young))
  }
}
