import Foundation
import SchedulerCore
import Testing

/// Random queues under every registered policy: conservation, progress, no starvation past the bound, only declared
/// verbs, and the same plans from the same inputs.
struct CorePropertyTests {
  /// Everything that an engine of these tests carries out.
  private static let allVerbs: [Capabilities] = [
    .order, .hold, .budget, .pause, .truncate, .requeue, .swapCPU, .swapSSD, .victimOrder, .draftRequest,
  ]

  /// An engine short of blocks with most verbs, or one with room and any verbs at all.
  private func engine(_ random: inout SplitMix64, seed: UInt64, isTight: Bool) -> FaithfulEngine {
    var capabilities: Capabilities = [.chunk]
    if isTight {
      capabilities.formUnion([.order, .hold, .pause, .requeue, .victimOrder])
      if seed % 2 == 0 { capabilities.insert(.swapCPU) }
      if seed % 3 == 0 { capabilities.formUnion([.swapSSD, .truncate, .draftRequest]) }
    } else {
      for verb in Self.allVerbs where random.below(2) == 0 { capabilities.insert(verb) }
    }
    let drafter = EngineDescription.Drafter(kMax: 3, per: .request)
    return FaithfulEngine(
      FaithfulEngine.description(
        blocks: isTight ? 12 + random.below(30) : 1_000, stepTokens: 16 + random.below(64), sequences: 6,
        drafter: capabilities.contains(.draftRequest) ? drafter : nil, capabilities: capabilities))
  }

  /// Runs a seeded workload to its end. Returns every plan.
  /// - Parameter copiedAt: the number of plans after which a copy of the core, encoded and decoded, goes on.
  private func run(
    seed: UInt64, _ registered: RegisteredPolicy, isTight: Bool = true, copiedAt: Int? = nil
  ) throws -> [StepPlan] {
    var random = SplitMix64(seed)
    var machine = ResourceSnapshot.unknown
    machine.hostLinkBytesPerS = 1_000
    machine.diskBytesPerS = 100
    var engine = engine(&random, seed: seed, isTight: isTight)
    var core = SchedulerCore(engine: engine.description, policy: registered.policy)
    var plans: [StepPlan] = []
    var arrived = 0
    while arrived < 40 || !engine.live.isEmpty {
      try #require(plans.count < 20_000, "no progress, seed \(seed), \(registered.testDescription)")
      happen(&engine, &random, &arrived)
      try core.apply(engine.step())
      #expect(core.mirrorViolations() == [], "seed \(seed)")
      let overdue = registered.boundUs.map { Self.overdue(&core, boundUs: $0) } ?? []
      var plan = StepPlan()
      machine.memoryLevel = plans.count % 100 < 80 ? .none : .shrink
      core.plan(resources: machine, into: &plan)
      #expect(
        machine.memoryLevel == .none || plan.swapCPU.isEmpty || registered.isArbitrary,
        "seed \(seed): host memory at shrink")
      #expect(core.planViolations(plan) == [], "seed \(seed)")
      if let boundUs = registered.boundUs { expectNobodyPasses(overdue, core, plan, boundUs, seed) }
      engine.run(plan)
      #expect(engine.freeBlocks >= 0 || registered.isArbitrary, "seed \(seed): blocks overdrawn")
      plans.append(plan)
      if plans.count == copiedAt {
        core = try JSONDecoder().decode(SchedulerCore.self, from: JSONEncoder().encode(core))
      }
    }
    // The last plan is reported by one more Step: then every token was charged once.
    try core.apply(engine.step())
    #expect(engine.finished == 40)
    #expect(core.chargedTokens == engine.computedTokens, "seed \(seed)")
    return plans
  }

  /// What happens before a Step: perhaps somebody arrives, is blocked, or is ready again.
  private func happen(_ engine: inout FaithfulEngine, _ random: inout SplitMix64, _ arrived: inout Int) {
    if arrived < 40, random.below(3) == 0 {
      engine.arrive(
        prompt: 1 + random.below(150), maxOutput: 1 + random.below(30), requestClass: 1 + random.below(2),
        tenant: FaithfulEngine.tenants[random.below(3)], ageUs: Int64(random.below(900)))
      arrived += 1
    }
    if arrived == 40 {
      for h in engine.live.keys.sorted() where engine.live[h]!.blocked { engine.setBlocked(h, false) }
    } else if let h = engine.live.keys.sorted().first(where: { _ in random.below(20) == 0 }) {
      engine.setBlocked(h, !engine.live[h]!.blocked)
    }
  }

  // MARK: - The bound

  /// Waiting requests that are older than the bound.
  private static func overdue(_ core: inout SchedulerCore, boundUs: Int64) -> [RequestHandle] {
    core.requests(limit: 64).filter { !$0.running && !$0.blocked && $0.ageUs >= boundUs }.map(\.h)
  }

  /// Nobody younger than the bound joins while somebody older waits.
  private func expectNobodyPasses(
    _ overdue: [RequestHandle], _ core: SchedulerCore, _ plan: StepPlan, _ boundUs: Int64, _ seed: UInt64
  ) {
    let planned = Set(plan.run.map(\.h))
    guard overdue.contains(where: { !planned.contains($0) }) else { return }
    for h in planned {
      guard let request = core.request(h), !request.isRunning else { continue }
      #expect(core.nowUs - request.arrivalUs >= boundUs, "seed \(seed): \(h) passes somebody older than the bound")
    }
  }

  // MARK: - Properties

  @Test(arguments: RegisteredPolicy.all)
  func everybodyFinishesAndNothingIsOverdrawn(registered: RegisteredPolicy) throws {
    for seed in UInt64(1)...2 { _ = try run(seed: seed, registered) }
  }

  @Test(arguments: RegisteredPolicy.all)
  func onlyDeclaredVerbsLeaveTheCore(registered: RegisteredPolicy) throws {
    for seed in UInt64(11)...12 { _ = try run(seed: seed, registered, isTight: false) }
  }

  /// The same inputs give the same plans; and ranks, counters and tags go with a copy: nothing that decides is left
  /// behind.
  @Test(arguments: RegisteredPolicy.all)
  func twoCopiesMakeTheSamePlans(registered: RegisteredPolicy) throws {
    let plans = try run(seed: 96, registered)
    #expect(try run(seed: 96, registered) == plans)
    #expect(try run(seed: 96, registered, copiedAt: plans.count / 2) == plans)
  }
}

struct SplitMix64 {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
