/// Waiting slots in a line per tenant, best first, and the tenants in levels: a walk goes over one level, merging its
/// tenants' lines by key, as if they were one. Moving a tenant to another level costs O(log tenants), whatever waits.
struct TenantLines: Codable, Sendable {
  static let levels = 8

  private let rowMost: Int
  /// Tenant -> its slots.
  private var lines: ContiguousArray<WaitingLine> = []
  /// Slot -> position in its line, -1 when in none.
  private var positions: ContiguousArray<Int32> = []
  private var keys: ContiguousArray<SlotHeap.Key> = []
  /// Slot -> tenant, valid while it is in line.
  private var tenants: ContiguousArray<Int32> = []
  /// Level -> heap of the tenants in it that have a line, by their heads.
  private var turns = ContiguousArray(repeating: ContiguousArray<Int32>(), count: Self.levels)
  /// Tenant -> position in its level's heap, -1 without a line.
  private var turnPositions: ContiguousArray<Int32> = []
  private var levelOfTenant: ContiguousArray<UInt8> = []
  private(set) var count = 0
  private var frontier = WalkFrontier()
  private var walked = 0

  /// - Parameter rowMost: slots of a line that stand in order, without a heap.
  init(rowMost: Int = WaitingLine.rowMost) { self.rowMost = rowMost }

  func contains(_ slot: Int) -> Bool { slot < positions.count && positions[slot] != -1 }

  /// Key of a slot that is in line.
  func key(of slot: Int) -> SlotHeap.Key { keys[slot] }

  /// Tenant of a slot that is in line.
  func tenant(of slot: Int) -> Int32 { tenants[slot] }

  func isEmpty(level: Int) -> Bool { turns[level].isEmpty }

  // MARK: - Lines

  /// Puts a slot where its key belongs, whether or not it was in its tenant's line.
  mutating func insert(_ slot: Int, tenant: Int32, _ key: SlotHeap.Key, _ ids: ContiguousArray<String>) {
    grow(slot, Int(tenant))
    if positions[slot] != -1 {
      if keys[slot] == key, tenants[slot] == tenant { return }
      remove(slot, ids)
    }
    keys[slot] = key
    tenants[slot] = tenant
    let line = Int(tenant)
    lines[line].insert(Int32(slot), &positions, WaitingOrder(keys: keys, ids: ids))
    count += 1
    if turnPositions[line] < 0 {
      joinTurn(tenant, ids)
    } else if lines[line].first == Int32(slot) {
      restoreTurn(tenant, ids)
    }
  }

  /// Takes a slot out if it is in.
  mutating func remove(_ slot: Int, _ ids: ContiguousArray<String>) {
    guard contains(slot) else { return }
    let tenant = tenants[slot]
    let line = Int(tenant)
    let wasFirst = lines[line].first == Int32(slot)
    lines[line].remove(Int32(slot), &positions, WaitingOrder(keys: keys, ids: ids))
    count -= 1
    guard wasFirst else { return }
    if lines[line].isEmpty { leaveTurn(tenant, ids) } else { restoreTurn(tenant, ids) }
  }

  /// Moves a tenant, whether or not it has a line.
  mutating func move(_ tenant: Int32, to level: Int, _ ids: ContiguousArray<String>) {
    grow(-1, Int(tenant))
    guard Int(levelOfTenant[Int(tenant)]) != level else { return }
    let isInTurn = turnPositions[Int(tenant)] >= 0
    if isInTurn { leaveTurn(tenant, ids) }
    levelOfTenant[Int(tenant)] = UInt8(level)
    if isInTurn { joinTurn(tenant, ids) }
  }

  private mutating func grow(_ slot: Int, _ tenant: Int) {
    if slot >= positions.count {
      let missing = slot + 1 - positions.count
      positions.append(contentsOf: repeatElement(-1, count: missing))
      keys.append(contentsOf: repeatElement(SlotHeap.Key(0), count: missing))
      tenants.append(contentsOf: repeatElement(-1, count: missing))
    }
    if tenant >= lines.count {
      let missing = tenant + 1 - lines.count
      lines.append(contentsOf: repeatElement(WaitingLine(rowMost: rowMost), count: missing))
      turnPositions.append(contentsOf: repeatElement(-1, count: missing))
      levelOfTenant.append(contentsOf: repeatElement(0, count: missing))
    }
  }

  // MARK: - Walking

  /// Starts a walk over one level in order. Nothing may change until the walk is over.
  mutating func beginWalk(level: Int) {
    frontier.removeAll()
    walked = level
    if let tenant = turns[level].first { frontier.push(head(tenant, place: 0), []) }
  }

  /// Next slot, or nil at the end. k calls cost O(k log k), whatever waits.
  mutating func next(_ ids: ContiguousArray<String>) -> Int? {
    guard let top = frontier.popFirst(ids) else { return nil }
    let tenant = Int(top.tenant)
    let place = top.isHead ? 0 : Int(top.place)
    for child in lines[tenant].next(after: place) {
      let slot = lines[tenant].slot(at: child)
      frontier.push(
        WalkFrontier.Node(key: keys[Int(slot)], slot: slot, tenant: top.tenant, place: Int32(child)), ids)
    }
    if top.isHead {
      let place = Int(top.place)
      for child in (2 * place + 1)..<(2 * place + 3) where child < turns[walked].count {
        frontier.push(head(turns[walked][child], place: Int32(child)), ids)
      }
    }
    return Int(top.slot)
  }

  private func head(_ tenant: Int32, place: Int32) -> WalkFrontier.Node {
    let slot = lines[Int(tenant)].slot(at: 0)
    return WalkFrontier.Node(key: keys[Int(slot)], slot: slot, tenant: tenant, place: place, isHead: true)
  }

  // MARK: - Turns

  private mutating func joinTurn(_ tenant: Int32, _ ids: ContiguousArray<String>) {
    let level = Int(levelOfTenant[Int(tenant)])
    turnPositions[Int(tenant)] = Int32(turns[level].count)
    turns[level].append(tenant)
    restoreTurn(tenant, ids)
  }

  /// Its line may be empty already: it is not looked at.
  private mutating func leaveTurn(_ tenant: Int32, _ ids: ContiguousArray<String>) {
    let level = Int(levelOfTenant[Int(tenant)])
    let hole = Int(turnPositions[Int(tenant)])
    turnPositions[Int(tenant)] = -1
    let last = turns[level].removeLast()
    guard hole < turns[level].count else { return }
    turns[level][hole] = last
    turnPositions[Int(last)] = Int32(hole)
    restoreTurn(last, ids)
  }

  /// Moves a tenant to where its head belongs.
  private mutating func restoreTurn(_ tenant: Int32, _ ids: ContiguousArray<String>) {
    let level = Int(levelOfTenant[Int(tenant)])
    var place = Int(turnPositions[Int(tenant)])
    while place > 0, headPrecedes(level, place, (place - 1) / 2, ids) {
      swapTurns(level, place, (place - 1) / 2)
      place = (place - 1) / 2
    }
    while true {
      var best = place
      for child in (2 * place + 1)..<(2 * place + 3) where child < turns[level].count {
        if headPrecedes(level, child, best, ids) { best = child }
      }
      if best == place { return }
      swapTurns(level, place, best)
      place = best
    }
  }

  private func headPrecedes(_ level: Int, _ a: Int, _ b: Int, _ ids: ContiguousArray<String>) -> Bool {
    let (first, second) = (lines[Int(turns[level][a])].slot(at: 0), lines[Int(turns[level][b])].slot(at: 0))
    return WaitingOrder(keys: keys, ids: ids).precedes(first, second)
  }

  private mutating func swapTurns(_ level: Int, _ a: Int, _ b: Int) {
    turns[level].swapAt(a, b)
    turnPositions[Int(turns[level][a])] = Int32(a)
    turnPositions[Int(turns[level][b])] = Int32(b)
  }
}
