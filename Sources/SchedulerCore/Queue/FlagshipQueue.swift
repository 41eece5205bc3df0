/// The flagship's waiting requests. Those that count on being in time and the others stand in lines of their own, per
/// tenant where tenants are treated fairly; who was served more than its share comes after who was not.
///
/// The order of a whole walk: level by level, and in each the live ones before the late ones.
struct FlagshipQueue: Codable, Sendable {
  enum Lane: Codable, Sendable {
    /// On their own deadline or another.
    case live
    /// Relegated ones by value, then the hopeless by arrival.
    case late
  }

  let isFair: Bool
  private var live = TenantLines()
  private var late = TenantLines()
  private(set) var turns: TenantTurns
  /// Where a whole walk is.
  private var walkLevel = 0
  private var walkLane = Lane.live

  /// - Parameter batchTokens: tokens of a full batch.
  init(policy: PolicyConfig, batchTokens: Double, ledger: TenantLedger) {
    isFair = policy.fairness == .vtc
    turns = TenantTurns(slackTokens: policy.fairnessSlackTokens, batchTokens: batchTokens, ledger: ledger)
  }

  var count: Int { live.count + late.count }
  /// Whether a tenant waits that was served more than others who wait.
  var hasAhead: Bool { turns.hasAhead }

  func key(of slot: Int) -> SlotHeap.Key { live.contains(slot) ? live.key(of: slot) : late.key(of: slot) }

  /// The level of a waiting request's tenant; 0 goes first.
  func level(of request: Request) -> Int { isFair ? turns.level(of: request.tenant) : 0 }

  func isEmpty(_ lane: Lane, level: Int) -> Bool {
    lane == .live ? live.isEmpty(level: level) : late.isEmpty(level: level)
  }

  // MARK: - Membership

  /// - Parameter key: its first member is 0 for a request that counts on being in time.
  mutating func insert(
    _ slot: Int, request: Request, key: SlotHeap.Key, weight: Int, ids: ContiguousArray<String>
  ) {
    let tenant = isFair ? request.tenant : 0
    if let before = tenantInLine(slot), before != tenant { remove(slot, ids: ids) }
    if tenantInLine(slot) == nil { turns.join(tenant, weight: weight) }
    if key.first == 0 {
      late.remove(slot, ids)
      live.insert(slot, tenant: tenant, key, ids)
    } else {
      live.remove(slot, ids)
      late.insert(slot, tenant: tenant, key, ids)
    }
  }

  mutating func remove(_ slot: Int, ids: ContiguousArray<String>) {
    guard let tenant = tenantInLine(slot) else { return }
    live.remove(slot, ids)
    late.remove(slot, ids)
    turns.leave(tenant)
  }

  private func tenantInLine(_ slot: Int) -> Int32? {
    if live.contains(slot) { return live.tenant(of: slot) }
    return late.contains(slot) ? late.tenant(of: slot) : nil
  }

  // MARK: - Turns

  mutating func charge(slot: Int, request: Request, weight: Int) {
    turns.settle(slot: slot, request: request, weight: weight)
  }

  mutating func adopt(slot: Int, request: Request) { turns.adopt(slot: slot, request: request) }

  /// Settles whose turn it is. Returns whether the order changed.
  mutating func refresh(nowUs: Int64, ids: ContiguousArray<String>) -> Bool {
    guard isFair else { return false }
    var isChanged = false
    turns.refresh(nowUs: nowUs) { tenant, level in
      live.move(tenant, to: level, ids)
      late.move(tenant, to: level, ids)
      isChanged = true
    }
    return isChanged
  }

  // MARK: - Walking

  mutating func beginWalk(_ lane: Lane, level: Int) {
    if lane == .live { live.beginWalk(level: level) } else { late.beginWalk(level: level) }
  }

  mutating func next(_ lane: Lane, _ ids: ContiguousArray<String>) -> Int? {
    lane == .live ? live.next(ids) : late.next(ids)
  }

  mutating func beginWalk() {
    walkLevel = 0
    walkLane = .live
    live.beginWalk(level: 0)
  }

  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    while true {
      if let slot = next(walkLane, ids) { return slot }
      if walkLane == .live {
        walkLane = .late
      } else {
        guard walkLevel + 1 < TenantLines.levels else { return nil }
        walkLevel += 1
        walkLane = .live
      }
      beginWalk(walkLane, level: walkLevel)
    }
  }
}
