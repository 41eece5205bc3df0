/// Waiting slots in a line per tenant, best first, and the tenants in levels: a walk goes over one level, merging its
/// tenants' lines by key, as if they were one. Moving a tenant to another level costs O(log tenants), whatever waits.
struct TenantLines: Codable, Sendable {
  static let levels = 8

  /// Tenant -> heap of its slots.
  private var lines: ContiguousArray<ContiguousArray<Int32>> = []
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

  func contains(_ slot: Int) -> Bool { slot < positions.count && positions[slot] >= 0 }

  /// Key of a slot that is in line.
  func key(of slot: Int) -> SlotHeap.Key { keys[slot] }

  /// Tenant of a slot that is in line.
  func tenant(of slot: Int) -> Int32 { tenants[slot] }

  func isEmpty(level: Int) -> Bool { turns[level].isEmpty }

  // MARK: - Lines

  /// Puts a slot where its key belongs, whether or not it was in its tenant's line.
  mutating func insert(_ slot: Int, tenant: Int32, _ key: SlotHeap.Key, _ ids: ContiguousArray<String>) {
    grow(slot, Int(tenant))
    if positions[slot] >= 0 {
      if keys[slot] == key, tenants[slot] == tenant { return }
      remove(slot, ids)
    }
    keys[slot] = key
    tenants[slot] = tenant
    let line = Int(tenant)
    positions[slot] = Int32(lines[line].count)
    lines[line].append(Int32(slot))
    siftUp(line, lines[line].count - 1, ids)
    count += 1
    if turnPositions[line] < 0 { joinTurn(tenant, ids) } else if positions[slot] == 0 { restoreTurn(tenant, ids) }
  }

  /// Takes a slot out if it is in.
  mutating func remove(_ slot: Int, _ ids: ContiguousArray<String>) {
    guard contains(slot) else { return }
    let tenant = tenants[slot]
    let line = Int(tenant)
    let hole = Int(positions[slot])
    positions[slot] = -1
    count -= 1
    let last = lines[line].removeLast()
    guard hole < lines[line].count else {
      if lines[line].isEmpty { leaveTurn(tenant, ids) }
      return
    }
    lines[line][hole] = last
    positions[Int(last)] = Int32(hole)
    siftUp(line, hole, ids)
    siftDown(line, Int(positions[Int(last)]), ids)
    if hole == 0 { restoreTurn(tenant, ids) }
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
      lines.append(contentsOf: repeatElement([], count: missing))
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
    for child in (2 * place + 1)..<(2 * place + 3) where child < lines[tenant].count {
      let slot = lines[tenant][child]
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
    let slot = lines[Int(tenant)][0]
    return WalkFrontier.Node(key: keys[Int(slot)], slot: slot, tenant: tenant, place: place, isHead: true)
  }

  // MARK: - The heaps

  private func precedes(_ a: Int32, _ b: Int32, _ ids: ContiguousArray<String>) -> Bool {
    let x = keys[Int(a)]
    let y = keys[Int(b)]
    if x != y { return x < y }
    return ids[Int(a)] < ids[Int(b)]
  }

  private mutating func siftUp(_ line: Int, _ start: Int, _ ids: ContiguousArray<String>) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard precedes(lines[line][child], lines[line][parent], ids) else { return }
      swap(line, child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ line: Int, _ start: Int, _ ids: ContiguousArray<String>) {
    var parent = start
    while true {
      var best = parent
      for child in (2 * parent + 1)..<(2 * parent + 3) where child < lines[line].count {
        if precedes(lines[line][child], lines[line][best], ids) { best = child }
      }
      if best == parent { return }
      swap(line, parent, best)
      parent = best
    }
  }

  private mutating func swap(_ line: Int, _ a: Int, _ b: Int) {
    lines[line].swapAt(a, b)
    positions[Int(lines[line][a])] = Int32(a)
    positions[Int(lines[line][b])] = Int32(b)
  }

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
    precedes(lines[Int(turns[level][a])][0], lines[Int(turns[level][b])][0], ids)
  }

  private mutating func swapTurns(_ level: Int, _ a: Int, _ b: Int) {
    turns[level].swapAt(a, b)
    turnPositions[Int(turns[level][a])] = Int32(a)
    turnPositions[Int(turns[level][b])] = Int32(b)
  }
}
