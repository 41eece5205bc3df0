/// Whom to preempt when KV blocks run out, and whether the engine allows it now.
struct PreemptionController: Codable, Sendable {
  /// Victims named to the engine when blocks are tight, best first.
  static let victimsMax = 8

  private let capabilities: Capabilities
  private let order: PolicyConfig.VictimOrder

  init(engine: EngineDescription, policy: PolicyConfig) {
    capabilities = engine.capabilities
    order = policy.victimOrder
  }

  var mayRequeue: Bool { capabilities.contains(.requeue) }
  var maySwap: Bool { capabilities.contains(.swapCPU) }
  var mayPause: Bool { capabilities.contains(.pause) }
  var namesVictims: Bool { capabilities.contains(.victimOrder) }

  /// Whether the plan may requeue this request now: without `in_flight_preempt` nobody of an unsettled plan.
  func mayRequeue(_ request: Request) -> Bool {
    mayRequeue && (request.unsettledPlans == 0 || capabilities.contains(.inFlightPreempt))
  }

  /// The next victim among the running, unblocked requests that `draft` has neither preempted nor left out; nil when
  /// there is none. O(running), and only when blocks are short.
  func nextVictim(_ table: RequestTable, _ classes: ClassResolver, _ draft: PlanDraft) -> Int? {
    let running = table.running
    if order == .lastAdmitted {
      for index in running.indices.reversed() where isEligible(Int(running[index]), table, draft) {
        return Int(running[index])
      }
      return nil
    }
    var best: Int?
    for slot in running.lazy.map(Int.init) where isEligible(slot, table, draft) {
      guard let current = best else {
        best = slot
        continue
      }
      if isBetterVictim(table.requests[slot], than: table.requests[current], classes) { best = slot }
    }
    return best
  }

  /// The first `victimsMax` victims, best first: whom the engine should take if an allocation fails.
  func victims(_ table: RequestTable, _ classes: ClassResolver, _ draft: PlanDraft) -> [Int] {
    if order == .lastAdmitted {
      return Array(
        table.running.reversed().lazy.map(Int.init).filter { isEligible($0, table, draft) }.prefix(Self.victimsMax))
    }
    var best: [Int] = []
    for slot in table.running.lazy.map(Int.init) where isEligible(slot, table, draft) {
      let request = table.requests[slot]
      let place = best.firstIndex { isBetterVictim(request, than: table.requests[$0], classes) } ?? best.count
      guard place < Self.victimsMax else { continue }
      best.insert(slot, at: place)
      if best.count > Self.victimsMax { best.removeLast() }
    }
    return best
  }

  private func isEligible(_ slot: Int, _ table: RequestTable, _ draft: PlanDraft) -> Bool {
    // A blocked request keeps its blocks (session rule 15).
    guard !table.requests[slot].isBlocked else { return false }
    let mark = draft.mark(of: slot)
    return mark == .open || mark == .scheduled
  }

  /// Later in the running list wins ties, since the walk goes forward and asks for "at least as good".
  private func isBetterVictim(_ a: Request, than b: Request, _ classes: ClassResolver) -> Bool {
    switch order {
    case .lastAdmitted: return true
    case .lowestPriority:
      let (rankA, rankB) = (classes.resolvedRank(of: a.className), classes.resolvedRank(of: b.className))
      return rankA != rankB ? rankA > rankB : a.arrivalUs >= b.arrivalUs
    case .leastComputed: return a.computedTokens <= b.computedTokens
    }
  }
}
