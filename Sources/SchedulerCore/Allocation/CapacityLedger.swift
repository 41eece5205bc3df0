/// Capacity by class: each has a share of the places, tokens and KV blocks, and may use what better classes leave idle
/// within its upgrade quota (AtLeast, Docs/at-least.md). Counted anew in every iteration, so that nothing that an
/// engine does can make it drift; only on whose capacity a request runs is remembered. O(running + classes^2) per step,
/// nothing under allocation `shared`.
struct CapacityLedger: Codable, Sendable {
  /// On whose capacity a running request stands.
  enum Standing: UInt8, Codable, Sendable {
    /// On none: it is paused, or nobody has asked yet.
    case none
    case own
    case upgraded
  }

  private struct SlotStanding: Codable, Sendable {
    var serial: RequestSerial = 0
    var standing = Standing.none
  }

  let isOn: Bool
  private let lends: Bool
  /// Indices of the classes, best rank first.
  let order: [Int]
  private(set) var classes: ContiguousArray<ClassCapacity>
  /// What nobody reserved.
  private let restPlaces: Int
  private let restTokens: Int
  private let restBlocks: Int
  private var restTokensLeft = 0
  private var runningTokens: ContiguousArray<Int>
  private var marks: ContiguousArray<SlotStanding> = []
  /// Requests preempted in this plan because their capacity went back.
  private var returned: ContiguousArray<Int32> = []
  var returnedCount: Int { returned.count }

  init(engine: EngineDescription, policy: PolicyConfig) {
    isOn = policy.sharesCapacity
    lends = policy.allocation == .atLeast
    let requestClasses = isOn ? policy.classes : []
    let ranks = requestClasses.map(\.rank)
    order = requestClasses.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    let places = min(engine.limits.sequences, policy.sequences ?? .max)
    let tokens = min(engine.limits.stepTokens, policy.stepTokens ?? .max)
    let blocks = isOn ? engine.model.pools.reduce(0) { $0 + $1.blocks } : 0
    classes = ContiguousArray(
      requestClasses.map { ClassCapacity($0, places: places, tokens: tokens, blocks: blocks) })
    restPlaces = lends ? max(0, places - classes.reduce(0) { $0 + $1.places }) : 0
    restTokens = lends ? max(0, tokens - classes.reduce(0) { $0 + $1.tokens }) : 0
    restBlocks = lends ? max(0, blocks - classes.reduce(0) { $0 + $1.blocks }) : 0
    runningTokens = ContiguousArray(repeating: 0, count: classes.count)
  }

  // MARK: - One iteration

  mutating func open(nowUs: Int64) {
    returned.removeAll(keepingCapacity: true)
    restTokensLeft = restTokens
    for index in classes.indices {
      classes[index].open(nowUs: nowUs)
      runningTokens[index] = 0
    }
  }

  /// Counts a running request.
  /// - Parameters:
  ///   - blocks: KV blocks that it holds.
  ///   - tokens: what it has left to compute, in tokens.
  mutating func count(_ slot: Int, _ serial: RequestSerial, index: Int, blocks: Int, tokens: Int) {
    if slot >= marks.count { marks.append(contentsOf: repeatElement(SlotStanding(), count: slot + 1 - marks.count)) }
    if marks[slot].serial != serial { marks[slot] = SlotStanding(serial: serial) }
    classes[index].heldBlocks += blocks
    runningTokens[index] += tokens
    if marks[slot].standing == .own { classes[index].usedPlaces += 1 }
  }

  /// Puts a running request on its class's own capacity if there is room. Call for all that were counted, in order of
  /// admission, before idle capacity is settled. True when it stands there.
  mutating func standOnOwn(_ slot: Int, index: Int) -> Bool {
    if marks[slot].standing == .own { return true }
    guard hasOwnRoom(index, blocks: 0) else { return false }
    marks[slot].standing = .own
    classes[index].usedPlaces += 1
    return true
  }

  /// Settles what a class leaves idle.
  mutating func settleIdle(_ index: Int, waiting: Int, waitingTokens: Int, waitingBlocks: Int) {
    classes[index].settleIdle(
      waiting: waiting, waitingTokens: waitingTokens, waitingBlocks: waitingBlocks,
      runningTokens: runningTokens[index])
  }

  func standing(of slot: Int, _ serial: RequestSerial) -> Standing {
    slot < marks.count && marks[slot].serial == serial ? marks[slot].standing : .none
  }

  /// Whether an upgraded request goes on as it is: a better class still leaves a place idle, and the quota holds.
  mutating func goesOn(_ slot: Int, index: Int) -> Bool {
    guard classes[index].upgradedPlaces < classes[index].upgradeQuota, let lender = lender(for: index, blocks: 0)
    else {
      marks[slot].standing = .none
      return false
    }
    classes[lender].idlePlaces -= 1
    classes[index].upgradedPlaces += 1
    return true
  }

  /// The engine can neither pause nor preempt an upgraded request: it goes on.
  mutating func keep(_ slot: Int, index: Int) {
    marks[slot].standing = .upgraded
    classes[index].upgradedPlaces += 1
  }

  // MARK: - Who may join

  /// On whose capacity a request of a class that does not run could.
  /// - Parameter blocks: KV blocks that it needs beyond those that it holds.
  func ground(for index: Int, blocks: Int) -> CapacityGround {
    let own = classes[index]
    if hasOwnRoom(index, blocks: blocks) { return .own }
    let beyond = max(0, own.heldBlocks + blocks - own.blocks - restBlocksLeft(beside: index))
    guard let lender = lender(for: index, blocks: beyond) else {
      return .denied(.waitingShare(requests: own.usedPlaces + own.upgradedPlaces))
    }
    guard own.upgradedPlaces < own.upgradeQuota else { return .denied(.upgradeQuota(requests: own.upgradedPlaces)) }
    guard own.upgradeRate.isOpen else { return .denied(.upgradeRate(requests: own.upgradedPlaces)) }
    return .upgrade(lender: lender)
  }

  /// A request joins on the ground that it was offered. Returns how many of its class run on capacity of better ones;
  /// 0 when it stands on its own.
  mutating func join(_ slot: Int, _ serial: RequestSerial, index: Int, blocks: Int, _ ground: CapacityGround) -> Int {
    if slot >= marks.count { marks.append(contentsOf: repeatElement(SlotStanding(), count: slot + 1 - marks.count)) }
    classes[index].heldBlocks += blocks
    guard case .upgrade(let lender) = ground else {
      marks[slot] = SlotStanding(serial: serial, standing: .own)
      classes[index].usedPlaces += 1
      return 0
    }
    marks[slot] = SlotStanding(serial: serial, standing: .upgraded)
    classes[lender].idlePlaces -= 1
    classes[lender].idleBlocks = max(0, classes[lender].idleBlocks - blocks)
    classes[index].upgradedPlaces += 1
    classes[index].upgradeRate.take()
    return classes[index].upgradedPlaces
  }

  /// Room in the class's own share or in what nobody reserved. The first request of a class always has it: a share that
  /// is too small for one request must not keep it away for ever.
  private func hasOwnRoom(_ index: Int, blocks: Int) -> Bool {
    let own = classes[index]
    if own.usedPlaces == 0 { return true }
    let hasPlace = own.usedPlaces < own.places || restPlacesLeft > 0
    return hasPlace && own.heldBlocks + blocks <= own.blocks + restBlocksLeft(beside: index)
  }

  /// The nearest better class that leaves a place and so many blocks idle.
  private func lender(for index: Int, blocks: Int) -> Int? {
    guard lends else { return nil }
    return order.last {
      classes[$0].rank < classes[index].rank && classes[$0].idlePlaces > 0
        && (blocks == 0 || classes[$0].idleBlocks >= blocks)
    }
  }

  private var restPlacesLeft: Int {
    restPlaces - classes.reduce(0) { $0 + max(0, $1.usedPlaces - $1.places) }
  }

  /// Blocks that nobody reserved and no class but `index` holds.
  private func restBlocksLeft(beside index: Int) -> Int {
    var left = restBlocks
    for other in classes.indices where other != index {
      left -= max(0, classes[other].heldBlocks - classes[other].blocks)
    }
    return max(0, left)
  }

  /// Waiting requests of better classes.
  func waitingAhead(of index: Int) -> Int {
    classes.reduce(0) { $0 + ($1.rank < classes[index].rank ? $1.waiting : 0) }
  }

  // MARK: - Tokens of one iteration

  /// Tokens that a class may still compute in this iteration: its own, what nobody reserved, and what better classes
  /// have no work for. They come back by themselves with the next iteration, so that no quota counts them.
  func tokensLeft(_ index: Int) -> Int {
    var left = classes[index].tokensLeft + classes[index].idleTokens + restTokensLeft
    guard lends else { return left }
    for other in classes where other.rank < classes[index].rank { left += other.idleTokens }
    return left
  }

  mutating func take(_ index: Int, tokens: Int) {
    var left = tokens
    Self.draw(&classes[index].tokensLeft, &left)
    Self.draw(&classes[index].idleTokens, &left)
    Self.draw(&restTokensLeft, &left)
    guard lends else { return }
    for other in order.reversed() where left > 0 && classes[other].rank < classes[index].rank {
      Self.draw(&classes[other].idleTokens, &left)
    }
  }

  private static func draw(_ pool: inout Int, _ wanted: inout Int) {
    let taken = min(pool, wanted)
    pool -= taken
    wanted -= taken
  }

  mutating func refund(_ index: Int, tokens: Int) { classes[index].tokensLeft += tokens }

  // MARK: - Giving back

  /// A request is preempted because its capacity goes back to who owns it.
  mutating func noteReturn(_ slot: Int) {
    marks[slot].standing = .none
    returned.append(Int32(slot))
  }

  func isReturned(_ slot: Int) -> Bool { returned.contains(Int32(slot)) }

  /// A request was preempted: its blocks are free.
  mutating func release(index: Int, blocks: Int) { classes[index].heldBlocks -= blocks }

  /// The class that holds the most blocks beyond its share; nil when none does.
  var mostBeyondShare: Int? {
    var worst: Int?
    for index in order where classes[index].heldBlocks > classes[index].blocks {
      let excess = classes[index].heldBlocks - classes[index].blocks
      if worst.map({ excess >= classes[$0].heldBlocks - classes[$0].blocks }) ?? true { worst = index }
    }
    return worst
  }
}
