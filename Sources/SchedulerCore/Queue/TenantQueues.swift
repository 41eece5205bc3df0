/// Waiting requests in a queue per tenant, and the tenants in a heap above them, so that whose turn it is and which of
/// its requests are two questions. A walk takes the requests out one by one and puts them back in the end: k of them
/// cost O(k log waiting).
struct TenantQueues: Codable, Sendable {
  enum Rule: Codable, Sendable {
    /// The tenant with the smallest virtual counter (VTC, Sheng et al., OSDI 2024).
    case virtualCounter
    /// The request with the longest cached prefix among tenants that have deficit left; when none has, every waiting
    /// tenant gets quanta until one has (DLPM, Cao et al., arXiv 2501.14312). In thousandths of a token.
    case deficit(quantum: Int64)
  }

  private let rule: Rule
  private(set) var ledger: TenantLedger
  /// Tenant's name index -> its waiting requests.
  private var queues: ContiguousArray<ItemHeap> = []
  /// Slot -> position in its tenant's queue.
  private var positions: ItemHeap.Positions = []
  /// Slot -> key within its tenant's queue.
  private var keys: ContiguousArray<SlotHeap.Key> = []
  /// Slot -> tenant, valid while it waits.
  private var tenants: ContiguousArray<Int32> = []
  /// Tenants with waiting requests.
  private var turn = ItemHeap()
  private var turnPositions: ItemHeap.Positions = []
  private(set) var count = 0
  /// Tenant whose request left the queues last, -1 before the first.
  private var lastLeft: Int32 = -1
  /// What the walk took out, in its order.
  private var taken: ContiguousArray<Int32> = []
  private var isAdmitting = false

  init(rule: Rule, ledger: TenantLedger) {
    self.rule = rule
    self.ledger = ledger
  }

  func contains(_ slot: Int) -> Bool { slot < positions.count && positions[slot] >= 0 }

  /// Key of a candidate within its tenant's queue.
  func key(of slot: Int) -> SlotHeap.Key { keys[slot] }

  // MARK: - Membership

  mutating func insert(_ slot: Int, request: Request, weight: Int, ids: ContiguousArray<String>) {
    endWalk(ids)
    grow(slot: slot, tenant: request.tenant)
    ledger.open(request.tenant, weight: weight)
    let key = key(request)
    if contains(slot) {
      guard keys[slot] != key else { return }
      take(slot, ids)
    }
    if queues[Int(request.tenant)].isEmpty { liftReturning(request.tenant) }
    keys[slot] = key
    tenants[slot] = request.tenant
    put(slot, ids)
    count += 1
  }

  mutating func remove(_ slot: Int, ids: ContiguousArray<String>) {
    endWalk(ids)
    guard contains(slot) else { return }
    lastLeft = tenants[slot]
    take(slot, ids)
    count -= 1
  }

  /// VTC, line by line: a tenant that returns does not keep the credit of the time in which it asked for nothing.
  private mutating func liftReturning(_ tenant: Int32) {
    guard case .virtualCounter = rule else { return }
    if let least = turn.first {
      ledger.lift(tenant, to: ledger.balance(of: least))
    } else if lastLeft >= 0 {
      ledger.lift(tenant, to: ledger.balance(of: lastLeft))
    }
  }

  // MARK: - Charges

  mutating func settle(slot: Int, request: Request, weight: Int, ids: ContiguousArray<String>) {
    grow(slot: slot, tenant: request.tenant)
    ledger.open(request.tenant, weight: weight)
    if ledger.settle(slot: slot, request: request) != 0 { restore(request.tenant, ids) }
  }

  mutating func adopt(slot: Int, request: Request) { ledger.adopt(slot: slot, request: request) }

  /// Notes that the plan in the making admits a request which the walk returned.
  mutating func admit(_ slot: Int, request: Request, ids: ContiguousArray<String>) {
    ledger.plan(slot: slot, request: request)
    restore(request.tenant, ids)
  }

  // MARK: - Walking

  /// - Parameter admitting: what the walk returns may be admitted. Only then do tenants without deficit get their
  ///   quanta, so that looking at the order never changes it.
  mutating func beginWalk(admitting: Bool, ids: ContiguousArray<String>) {
    endWalk(ids)
    isAdmitting = admitting
    if admitting { forgetPlanned(ids) }
  }

  mutating func forgetPlanned(_ ids: ContiguousArray<String>) {
    while let tenant = ledger.forgetPlanned() { restore(tenant, ids) }
  }

  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    guard let tenant = nextTenant(ids), let slot = queues[Int(tenant)].first else { return nil }
    take(Int(slot), ids)
    taken.append(slot)
    return Int(slot)
  }

  private mutating func nextTenant(_ ids: ContiguousArray<String>) -> Int32? {
    guard let tenant = turn.first else { return nil }
    guard isAdmitting, case .deficit(let quantum) = rule, ledger.balance(of: tenant) >= 0 else { return tenant }
    refill(quantum, ids)
    return turn.first
  }

  /// Nobody who waits has deficit left: a quantum to everybody without, again and again until one who waits has some.
  private mutating func refill(_ quantum: Int64, _ ids: ContiguousArray<String>) {
    var rounds = Int64.max
    for tenant in ledger.tenants where turnPositions[Int(tenant)] >= 0 {
      rounds = min(rounds, roundsToDeficit(tenant, quantum))
    }
    for tenant in ledger.tenants where ledger.balance(of: tenant) >= 0 {
      let (amount, overflow) = min(rounds, roundsToDeficit(tenant, quantum)).multipliedReportingOverflow(by: quantum)
      ledger.grant(tenant, overflow ? .max : amount)
      restore(tenant, ids)
    }
  }

  private func roundsToDeficit(_ tenant: Int32, _ quantum: Int64) -> Int64 {
    ledger.balance(of: tenant) / quantum + 1
  }

  private mutating func endWalk(_ ids: ContiguousArray<String>) {
    while let slot = taken.popLast() { put(Int(slot), ids) }
  }

  // MARK: - The heaps

  private func key(_ request: Request) -> SlotHeap.Key {
    switch rule {
    // First come, first served within a tenant; a request that was preempted goes to the front, as in vLLM V1.
    case .virtualCounter: SlotHeap.Key(0, -request.requeueSerial, request.arrivalUs)
    case .deficit: SlotHeap.Key(-Int64(request.cachedTokens), -request.requeueSerial, request.arrivalUs)
    }
  }

  private mutating func grow(slot: Int, tenant: Int32) {
    if slot >= positions.count {
      let missing = slot + 1 - positions.count
      positions.append(contentsOf: repeatElement(-1, count: missing))
      keys.append(contentsOf: repeatElement(SlotHeap.Key(0), count: missing))
      tenants.append(contentsOf: repeatElement(-1, count: missing))
    }
    if Int(tenant) >= queues.count {
      let missing = Int(tenant) + 1 - queues.count
      queues.append(contentsOf: repeatElement(ItemHeap(), count: missing))
      turnPositions.append(contentsOf: repeatElement(-1, count: missing))
    }
  }

  private mutating func put(_ slot: Int, _ ids: ContiguousArray<String>) {
    let tenant = tenants[slot]
    let order = slotOrder(ids)
    queues[Int(tenant)].insert(Int32(slot), &positions, by: order)
    if turnPositions[Int(tenant)] < 0 {
      let order = turnOrder(ids)
      turn.insert(tenant, &turnPositions, by: order)
    } else {
      restore(tenant, ids)
    }
  }

  private mutating func take(_ slot: Int, _ ids: ContiguousArray<String>) {
    let tenant = tenants[slot]
    // Out of the turn before the queue is empty: the turn's order looks at the head of the queue.
    if queues[Int(tenant)].count == 1 { leaveTurn(tenant, ids) }
    let order = slotOrder(ids)
    queues[Int(tenant)].remove(Int32(slot), &positions, by: order)
    restore(tenant, ids)
  }

  private mutating func leaveTurn(_ tenant: Int32, _ ids: ContiguousArray<String>) {
    let order = turnOrder(ids)
    turn.remove(tenant, &turnPositions, by: order)
  }

  /// Moves a tenant to where its balance and its head belong.
  private mutating func restore(_ tenant: Int32, _ ids: ContiguousArray<String>) {
    guard turnPositions[Int(tenant)] >= 0 else { return }
    let order = turnOrder(ids)
    turn.restore(tenant, &turnPositions, by: order)
  }

  private func slotOrder(_ ids: ContiguousArray<String>) -> (Int32, Int32) -> Bool {
    let keys = keys
    return { a, b in
      let (x, y) = (keys[Int(a)], keys[Int(b)])
      return x != y ? x < y : ids[Int(a)] < ids[Int(b)]
    }
  }

  private func turnOrder(_ ids: ContiguousArray<String>) -> (Int32, Int32) -> Bool {
    let ledger = ledger
    switch rule {
    case .virtualCounter:
      return { a, b in
        let (x, y) = (ledger.balance(of: a), ledger.balance(of: b))
        return x != y ? x < y : a < b
      }
    case .deficit:
      let (queues, slotOrder) = (queues, slotOrder(ids))
      return { a, b in
        let (x, y) = (ledger.balance(of: a) < 0, ledger.balance(of: b) < 0)
        if x != y { return x }
        guard let first = queues[Int(a)].first, let second = queues[Int(b)].first else { return a < b }
        return slotOrder(first, second)
      }
    }
  }
}
