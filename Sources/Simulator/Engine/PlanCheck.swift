import SchedulerCore
import WireProtocol

/// The rules that an engine checks on every plan before it believes it (Docs/wire.md, session rules 4, 8, 16 to 18).
struct PlanCheck {
  /// What of a request the rules look at.
  struct View {
    var isLive: Bool
    var isRunning: Bool
    /// Tokens known or promised in total, and those of them with KV.
    var known: Int
    var computed: Int
    /// Named by a plan that is launched and not settled.
    var isInFlight: Bool
    /// -1: none.
    var adapter = -1
  }

  let engine: EngineDescription
  /// Handle -> serial of the round in which it was named last: a set that empties for free.
  private var named: ContiguousArray<UInt32> = []
  private var round: UInt32 = 0
  /// Computed tokens of requests after a truncate or requeue of this plan.
  private var computedAfterVerb: [RequestHandle: Int] = [:]

  init(_ engine: EngineDescription) { self.engine = engine }

  /// - Parameters:
  ///   - work: everything the plan runs, the decode set expanded.
  ///   - view: a handle's state; nil for a handle that was never given out.
  /// - Throws: the first rule that is broken.
  mutating func verify(
    _ plan: StepReply, work: [StepPlan.Item], running: Int, seq: UInt64, view: (RequestHandle) -> View?
  ) throws(EngineRunError) {
    func fail(_ rule: String, _ detail: String) -> EngineRunError {
      .invalidPlan(seq: seq, rule: rule, detail: detail)
    }
    try verifyCapabilities(plan, fail)
    beginRound()
    computedAfterVerb.removeAll(keepingCapacity: true)
    for h in plan.requeue { computedAfterVerb[h] = 0 }
    for item in plan.truncate { computedAfterVerb[item.h] = item.keepTokens }
    let preempted = plan.requeue + plan.swapCPU + plan.swapSSD
    for h in preempted + plan.truncate.map(\.h) {
      guard let request = view(h), request.isLive, request.isRunning else {
        throw fail("a verb names running requests", "\(h)")
      }
      guard !request.isInFlight || engine.capabilities.contains(.inFlightPreempt) else {
        throw fail("a verb names no request of an unsettled plan", "\(h)")
      }
      guard isFirst(h) else { throw fail("one verb for one request", "\(h)") }
    }
    beginRound()
    for h in plan.pause {
      guard let request = view(h), request.isLive, request.isRunning else {
        throw fail("pause names running requests", "\(h)")
      }
      guard isFirst(h) else { throw fail("pause names nobody twice", "\(h)") }
    }
    try verifyWork(work, running: running - preempted.count, fail, view)
  }

  private mutating func beginRound() {
    round &+= 1
    guard round == 0 else { return }
    named.removeAll(keepingCapacity: true)
    round = 1
  }

  /// False for a handle that was named in this round already. The handle is known to be one of the engine's.
  private mutating func isFirst(_ h: RequestHandle) -> Bool {
    if Int(h) >= named.count { named.append(contentsOf: repeatElement(0, count: Int(h) + 1 - named.count)) }
    guard named[Int(h)] != round else { return false }
    named[Int(h)] = round
    return true
  }

  private func verifyCapabilities(_ plan: StepReply, _ fail: (String, String) -> EngineRunError) throws(EngineRunError)
  {
    let used: [(Capabilities, Bool)] = [
      (.pause, !plan.pause.isEmpty), (.truncate, !plan.truncate.isEmpty), (.requeue, !plan.requeue.isEmpty),
      (.swapCPU, !plan.swapCPU.isEmpty), (.swapSSD, !plan.swapSSD.isEmpty), (.abort, !plan.abort.isEmpty),
      (.victimOrder, !plan.victims.isEmpty), (.order, !plan.order.isEmpty), (.budget, plan.budgetTokens != nil),
      (.hold, plan.holdUs != nil), (.draftBatch, plan.draftBatch != nil), (.kvEvict, !plan.evict.isEmpty),
      (.kvPin, !(plan.pin.isEmpty && plan.unpin.isEmpty)), (.kvPrefetch, !plan.prefetch.isEmpty),
    ]
    for (verb, isUsed) in used where isUsed && !engine.capabilities.contains(verb) {
      let name = Capabilities.named.first { $0.verb == verb }?.name ?? ""
      throw fail("only declared verbs", name)
    }
    for keys in [plan.evict, plan.pin, plan.unpin, plan.prefetch] {
      guard keys.count <= CachePlan.keysMax, Set(keys).count == keys.count else {
        throw fail("few keys, each once", "\(keys.count)")
      }
    }
    guard plan.budgetTokens ?? 0 <= engine.limits.stepTokens else {
      throw fail("the budget never rises above the engine's", "\(plan.budgetTokens ?? 0)")
    }
  }

  private mutating func verifyWork(
    _ work: [StepPlan.Item], running: Int, _ fail: (String, String) -> EngineRunError,
    _ view: (RequestHandle) -> View?
  ) throws(EngineRunError) {
    var tokens = 0
    var admitted = 0
    var adapters: Set<Int> = []
    for item in work {
      guard let request = view(item.h), request.isLive else { throw fail("run names live requests", "\(item.h)") }
      guard isFirst(item.h) else { throw fail("run and pause name nobody twice", "\(item.h)") }
      let computed = computedAfterVerb.isEmpty ? nil : computedAfterVerb[item.h]
      let remaining = request.known - (computed ?? request.computed)
      guard item.n >= 1, item.n - item.k <= remaining else {
        throw fail("n is at most what is left", "\(item.h): \(item.n) of \(remaining)")
      }
      guard item.k == 0 || item.n - item.k == remaining else {
        throw fail("drafts ride on the last known token", "\(item.h)")
      }
      guard item.shape.isChain || engine.drafter?.allows(drafts: item.k, shape: item.shape) == true else {
        throw fail("trees are such as the drafter declares", "\(item.h): \(item.shape.digits(drafts: item.k))")
      }
      tokens += item.n
      if !request.isRunning { admitted += 1 }
      if request.adapter >= 0 { adapters.insert(request.adapter) }
    }
    guard adapters.count <= engine.limits.adapters || engine.limits.adapters == 0 else {
      throw fail("adapters fit", "\(adapters.count) of \(engine.limits.adapters)")
    }
    guard tokens <= engine.limits.stepTokens else {
      throw fail("tokens fit the budget", "\(tokens) of \(engine.limits.stepTokens)")
    }
    guard admitted == 0 || running + admitted <= engine.limits.sequences else {
      throw fail("sequences fit", "\(running + admitted) of \(engine.limits.sequences)")
    }
  }
}
