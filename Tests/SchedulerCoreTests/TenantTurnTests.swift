import Testing

@testable import SchedulerCore

/// VTC (Sheng et al., OSDI 2024) and DLPM (Cao et al., arXiv 2501.14312), worked out by hand. Counters are in weighted
/// tokens: 1 per prompt token on admission, 2 per output token.
struct TenantTurnTests {
  private static let a: Int32 = 0
  private static let b: Int32 = 3
  private var engine = FaithfulEngine(FaithfulEngine.description(stepTokens: 256, sequences: 1))
  private var core: SchedulerCore

  init() { core = SchedulerCore(engine: engine.description, policy: .test(ordering: .vtc)) }

  /// One iteration. Returns the names of the requests it admits.
  private mutating func advance() throws -> [String] {
    try core.apply(engine.step())
    #expect(core.mirrorViolations() == [])
    var plan = StepPlan()
    core.plan(resources: .unknown, into: &plan)
    #expect(core.planViolations(plan) == [])
    let admitted = plan.run.filter { !engine.live[$0.h]!.running }.map { engine.live[$0.h]!.id }
    engine.run(plan)
    return admitted
  }

  private func counter(_ tenant: Int32) -> Double {
    Double(core.queue.ledger.balance(of: tenant)) / Double(TenantLedger.scale)
  }

  private mutating func start(_ policy: PolicyConfig, stepTokens: Int = 256, sequences: Int = 1) {
    engine = FaithfulEngine(FaithfulEngine.description(stepTokens: stepTokens, sequences: sequences))
    core = SchedulerCore(engine: engine.description, policy: policy)
  }

  // MARK: - VTC

  /// a1 runs: a = 10 + 2 = 12. b arrives with nothing waiting: lifted to the least counter that waits, 12. The tie goes
  /// to a: 24. Now b with 12: 24. The tie goes to a again, then b is left.
  @Test mutating func theTenantServedLeastIsNext() throws {
    for i in 1...3 { engine.arrive(prompt: 10, maxOutput: 1, name: "a\(i)", tenant: 0) }
    #expect(try advance() == ["a1"])
    for i in 1...2 { engine.arrive(prompt: 10, maxOutput: 1, name: "b\(i)", tenant: 3) }
    #expect(try advance() == ["a2"])
    #expect(counter(Self.b) == 12)
    #expect(try advance() == ["b1"])
    #expect(try advance() == ["a3"])
    #expect(try advance() == ["b2"])
    #expect(try advance() == [])
    #expect(counter(Self.a) == 36)
    #expect(counter(Self.b) == 36)
  }

  /// Charges count within one iteration: 35 tokens go to a, b, a and a piece of b's second, not to a's three requests
  /// first, which came earlier.
  @Test mutating func admissionsOfOneIterationTakeTurns() throws {
    start(.test(ordering: .vtc), stepTokens: 35, sequences: 8)
    for i in 1...3 { engine.arrive(prompt: 10, maxOutput: 1, name: "a\(i)", tenant: 0, ageUs: 900) }
    for i in 1...3 { engine.arrive(prompt: 10, maxOutput: 1, name: "b\(i)", tenant: 3) }
    #expect(try advance() == ["a1", "b1", "a2", "b2"])
  }

  /// With weight 2 a request of a costs 6: after a1 both stand at 6, then a, b, a, a, b, a, a, b: two to one.
  @Test mutating func weightsShareTheService() throws {
    start(.test(ordering: .vtc, tenants: [.init(name: "tenant-a", weight: 2)]))
    for i in 1...6 { engine.arrive(prompt: 10, maxOutput: 1, name: "a\(i)", tenant: 0) }
    var served = try advance()
    for i in 1...4 { engine.arrive(prompt: 10, maxOutput: 1, name: "b\(i)", tenant: 3) }
    for _ in 0..<8 { served += try advance() }
    #expect(served == ["a1", "a2", "b1", "a3", "a4", "b2", "a5", "a6", "b3"])
  }

  /// Output is charged as it comes: a = 10 + 2 x 3 after three tokens, while b waits with 0 and is not lifted again.
  @Test mutating func outputIsChargedAsItComes() throws {
    engine.arrive(prompt: 10, maxOutput: 5, name: "a1", tenant: 0)
    engine.arrive(prompt: 10, maxOutput: 5, name: "b1", tenant: 3)
    #expect(try advance() == ["a1"])
    _ = try advance()
    #expect(counter(Self.a) == 12)
    _ = try advance()
    _ = try advance()
    #expect(counter(Self.a) == 16)
    #expect(counter(Self.b) == 0)
  }

  /// Nobody waits: a returning tenant is lifted to the tenant whose request left the queue last.
  @Test mutating func emptyQueuesLiftToTheLastThatLeft() throws {
    engine.arrive(prompt: 10, maxOutput: 1, name: "a1", tenant: 0)
    _ = try advance()
    _ = try advance()
    #expect(counter(Self.a) == 12)
    engine.arrive(prompt: 4, maxOutput: 1, name: "b1", tenant: 3)
    try core.apply(engine.step())
    #expect(counter(Self.b) == 12)
  }

  /// 90 of 100 prompt tokens are in the cache: 10 are charged.
  @Test mutating func prefixHitsAreFree() throws {
    engine.arrive(prompt: 100, maxOutput: 9, name: "a1", tenant: 0, cachedTokens: 90)
    _ = try advance()
    try core.apply(engine.step())
    #expect(counter(Self.a) == 12)
  }

  /// A plan that never reached the engine charges nobody.
  @Test mutating func droppedPlansAreFree() throws {
    engine.arrive(prompt: 10, maxOutput: 1, name: "a1", tenant: 0)
    var delta = engine.step()
    try core.apply(delta)
    var plan = StepPlan()
    core.plan(resources: .unknown, into: &plan)
    core.dropPlan()
    delta = engine.step()
    delta.launched.mode = .none
    delta.launched.seq = 1
    try core.apply(delta)
    core.plan(resources: .unknown, into: &plan)
    #expect(core.queue.ledger.balance(of: Self.a) == 10 * TenantLedger.scale, "the second plan's own charge")
  }

  /// Counters outlive a change of policy; what was served under another ordering is not charged afterwards.
  @Test mutating func countersOutliveAChangeOfPolicy() throws {
    start(.test())
    engine.arrive(prompt: 50, maxOutput: 9, name: "a1", tenant: 0)
    engine.arrive(prompt: 10, maxOutput: 9, name: "a2", tenant: 0)
    _ = try advance()
    _ = try advance()
    core.setPolicy(.test(ordering: .vtc))
    _ = try advance()
    #expect(counter(Self.a) == 2)
    core.setPolicy(.test(ordering: .vtc, watermarkPpm: 10_000))
    _ = try advance()
    #expect(counter(Self.a) == 4)
  }

  // MARK: - DLPM

  /// Quantum 50, all start with 0: both get 50. a's prompts have 48 of 64 tokens in the cache and cost 16 + 2 each, b's
  /// have none and cost 40 + 2. a: 50 -> 32 -> 14 -> -4, so b is next although a's prefix is longer: b 50 -> 8 -> -34.
  /// Now neither has any: one quantum, a 46, b 16, and the longest prefix again.
  @Test mutating func longestPrefixAmongThoseWithDeficit() throws {
    start(.test(ordering: .dlpm, quantumTokens: 50))
    for i in 1...5 { engine.arrive(prompt: 64, maxOutput: 1, name: "a\(i)", tenant: 0, cachedTokens: 48) }
    for i in 1...3 { engine.arrive(prompt: 40, maxOutput: 1, name: "b\(i)", tenant: 3) }
    var served: [String] = []
    for _ in 0..<6 { served += try advance() }
    #expect(served == ["a1", "a2", "a3", "b1", "b2", "a4"])
    try core.apply(engine.step())
    // The balance is the deficit with its sign turned: 46 - 18.
    #expect(counter(Self.a) == -28)
    #expect(counter(Self.b) == -16)
  }

  /// Within a tenant the longest prefix goes first, then the earlier arrival.
  @Test mutating func longestPrefixWithinATenant() throws {
    start(.test(ordering: .dlpm, quantumTokens: 500))
    engine.arrive(prompt: 64, maxOutput: 1, name: "none", tenant: 0, ageUs: 900)
    engine.arrive(prompt: 64, maxOutput: 1, name: "some", tenant: 0, ageUs: 100, cachedTokens: 16)
    engine.arrive(prompt: 64, maxOutput: 1, name: "most", tenant: 0, cachedTokens: 48)
    engine.arrive(prompt: 64, maxOutput: 1, name: "early", tenant: 0, ageUs: 800, cachedTokens: 16)
    var served: [String] = []
    for _ in 0..<4 { served += try advance() }
    #expect(served == ["most", "early", "some", "none"])
  }

  /// Looking at the order gives nobody a quantum.
  @Test mutating func lookingChangesNothing() throws {
    start(.test(ordering: .dlpm, quantumTokens: 50))
    engine.arrive(prompt: 40, maxOutput: 9, name: "a1", tenant: 0)
    engine.arrive(prompt: 40, maxOutput: 9, name: "a2", tenant: 0)
    try core.apply(engine.step())
    for _ in 0..<3 { #expect(core.requests(limit: 9).map(\.id) == ["a1", "a2"]) }
    #expect(counter(Self.a) == 0)
  }
}
