/// Waiting requests by group, and how long a request of each would wait: sums that change with every arrival, start and
/// removal, and rates that are measured (QLM, Patke et al., SoCC 2024: what is ahead over the throughput). Costs
/// O(log waiting) per change and O(lines) per Step; an estimate costs O(groups), whatever waits.
struct RequestGroups: Codable, Sendable {
  /// Groups with sums of their own. What comes beyond shares one, until a group with nobody waiting makes room.
  static let groupsMax = 32
  /// By so many standard deviations the conservative estimate takes each thing to be worse than its mean: 99 % of a
  /// normal distribution lie below.
  private static let boundDeviations = 2.33

  /// Who stands in one line and is served from it.
  private enum Lines: Codable, Sendable {
    /// One for all that wait in their turn, and one for those that were put behind them.
    case ofAll
    /// Classes have capacity of their own.
    case ofClass
    /// Two for each group, as for all: the order between groups cannot be foreseen.
    case ofGroup
  }

  /// What a request is counted as.
  private struct Entry: Codable, Sendable {
    var serial: RequestSerial = 0
    /// -1: it does not wait.
    var group: Int32 = -1
    var line: Int32 = 0
    var isLate = false
    var work = WorkSum()
  }

  private let classes: [PolicyConfig.RequestClass]
  private let order: ServiceOrder
  private let kind: Lines
  /// From this age on nobody who arrived later goes before a request, in microseconds.
  private let patienceUs: Double
  /// The first is that of the others.
  private(set) var groups: ContiguousArray<RequestGroup>
  private var lines: ContiguousArray<ServiceLine>
  /// Of all groups.
  private(set) var waiting = WorkSum()
  private var entries: ContiguousArray<Entry> = []
  private var positions: ItemHeap.Positions = []
  private var arrivals: ContiguousArray<Int64> = []
  private var nowUs: Int64 = .min
  private var race = WaitRace()

  init(policy: PolicyConfig) {
    classes = policy.classes
    order = ServiceOrder(policy.ordering)
    kind = policy.sharesCapacity ? .ofClass : order == .measured ? .ofGroup : .ofAll
    patienceUs = policy.starvationBoundMs.map { Double($0) * 1_000 } ?? WaitRace.neverUs
    groups = [RequestGroup(key: .other, rank: 0, nowUs: 0)]
    lines = ContiguousArray(repeating: ServiceLine(), count: kind == .ofClass ? policy.classes.count : 2)
  }

  /// Under another policy: everybody has to be counted anew, and nobody arrives by it. Rates stay where they mean the
  /// same.
  func renewed(policy: PolicyConfig) -> RequestGroups {
    var renewed = RequestGroups(policy: policy)
    renewed.nowUs = nowUs
    if renewed.classes == classes {
      renewed.groups = groups
      for group in groups.indices { renewed.groups[group].empty() }
      renewed.growLines()
      if renewed.kind == kind { renewed.lines = ContiguousArray(lines.map { $0.emptied() }) }
    }
    renewed.entries = entries
    for slot in entries.indices { renewed.entries[slot].group = -1 }
    renewed.positions = ContiguousArray(repeating: -1, count: positions.count)
    renewed.arrivals = arrivals
    return renewed
  }

  // MARK: - Who waits

  /// A request that is no candidate any more: it runs, is blocked, or ended.
  mutating func leave(_ slot: Int, request: Request) {
    guard slot < entries.count, entries[slot].group >= 0 else { return }
    remove(slot, isServed: request.isRunning && request.isSame(as: entries[slot].serial))
  }

  private mutating func remove(_ slot: Int, isServed: Bool) {
    let entry = entries[slot]
    entries[slot].group = -1
    leaveLine(slot, of: Int(entry.group))
    groups[Int(entry.group)].remove(entry.work, isLate: entry.isLate)
    waiting -= entry.work
    lines[Int(entry.line)].leave(served: isServed ? entry.work : nil)
  }

  /// Between those that left and those that joined since the last Step.
  mutating func settle(nowUs: Int64, _ costs: WorkCosts) {
    if self.nowUs != .min {
      for line in lines.indices { lines[line].settle(elapsedUs: nowUs &- self.nowUs, costs) }
    }
    self.nowUs = nowUs
  }

  /// A candidate that arrived, came back or changed.
  /// - Parameter isLate: it stands behind those that are in time.
  mutating func join(
    _ slot: Int, request: Request, key: RequestGroup.Key, rank: Int, outputTokens: Int, isLate: Bool
  ) {
    grow(to: slot)
    let work = WorkSum(requests: 1, promptTokens: request.uncachedTokens, outputTokens: outputTokens)
    let isKnown = entries[slot].serial == request.serial
    if entries[slot].group >= 0 {
      if isKnown { return change(slot, work, isLate: isLate) }
      remove(slot, isServed: false)
    }
    let group = index(of: key, rank: rank)
    entries[slot] = Entry(
      serial: request.serial, group: Int32(group), line: line(of: group, classIndex: key.classIndex, isLate: isLate),
      isLate: isLate, work: work)
    arrivals[slot] = request.arrivalUs
    joinLine(slot, of: group)
    groups[group].add(work, isLate: isLate)
    waiting += work
    lines[Int(entries[slot].line)].join()
    if !isKnown { groups[group].noteArrival(work, nowUs: nowUs) }
  }

  /// It waits on, as something else than before.
  private mutating func change(_ slot: Int, _ work: WorkSum, isLate: Bool) {
    let entry = entries[slot]
    guard entry.work != work || entry.isLate != isLate else { return }
    groups[Int(entry.group)].remove(entry.work, isLate: entry.isLate)
    groups[Int(entry.group)].add(work, isLate: isLate)
    waiting -= entry.work
    waiting += work
    entries[slot].work = work
    guard entry.isLate != isLate else { return }
    entries[slot].isLate = isLate
    guard kind != .ofClass else { return }
    lines[Int(entry.line)].leave(served: nil)
    entries[slot].line = line(of: Int(entry.group), classIndex: 0, isLate: isLate)
    lines[Int(entries[slot].line)].join()
  }

  private mutating func joinLine(_ slot: Int, of group: Int) {
    let arrivals = arrivals
    groups[group].byArrival.insert(Int32(slot), &positions) { arrivals[Int($0)] < arrivals[Int($1)] }
  }

  private mutating func leaveLine(_ slot: Int, of group: Int) {
    let arrivals = arrivals
    groups[group].byArrival.remove(Int32(slot), &positions) { arrivals[Int($0)] < arrivals[Int($1)] }
  }

  private mutating func grow(to slot: Int) {
    let missing = slot + 1 - entries.count
    guard missing > 0 else { return }
    entries.append(contentsOf: repeatElement(Entry(), count: missing))
    positions.append(contentsOf: repeatElement(-1, count: missing))
    arrivals.append(contentsOf: repeatElement(0, count: missing))
  }

  private func line(of group: Int, classIndex: Int32, isLate: Bool) -> Int32 {
    switch kind {
    case .ofAll: isLate ? 1 : 0
    case .ofClass: max(0, classIndex)
    case .ofGroup: Int32(2 * group) + (isLate ? 1 : 0)
    }
  }

  /// Lines for every group, where groups have them.
  private mutating func growLines() {
    let missing = kind == .ofGroup ? 2 * groups.count - lines.count : 0
    if missing > 0 { lines.append(contentsOf: repeatElement(ServiceLine(), count: missing)) }
  }

  /// The group of a key, made if there is room for it.
  private mutating func index(of key: RequestGroup.Key, rank: Int) -> Int {
    for index in groups.indices.dropFirst() where groups[index].key == key { return index }
    let group = RequestGroup(key: key, rank: rank, nowUs: nowUs)
    guard groups.count > Self.groupsMax else {
      groups.append(group)
      growLines()
      return groups.count - 1
    }
    var idle: Int?
    for index in groups.indices.dropFirst() where groups[index].byArrival.isEmpty {
      if idle.map({ groups[index].lastArrivalUs < groups[$0].lastArrivalUs }) ?? true { idle = index }
    }
    guard let idle else {
      groups[0].widen(to: key, rank: rank)
      return 0
    }
    groups[idle] = group
    if kind == .ofGroup { lines.replaceSubrange(2 * idle...2 * idle + 1, with: [ServiceLine(), ServiceLine()]) }
    return idle
  }

  /// Age of the oldest of a group in microseconds; 0 while nobody waits.
  func oldestUs(_ group: Int) -> Int64 {
    groups[group].byArrival.first.map { max(0, nowUs &- arrivals[Int($0)]) } ?? 0
  }

  /// Group and line of a request that waits; nil for others.
  func place(of slot: Int) -> (group: Int, line: Int, isLate: Bool)? {
    guard slot < entries.count, entries[slot].group >= 0 else { return nil }
    return (Int(entries[slot].group), Int(entries[slot].line), entries[slot].isLate)
  }

  // MARK: - How long

  /// Wait of a request that joins a group now.
  /// - Parameter slot: one that has just joined, and is not to be counted as ahead of itself.
  mutating func arrivalEstimate(
    group: Int, isLate: Bool = false, besides slot: Int? = nil, _ costs: WorkCosts
  ) -> WaitEstimate {
    let own = slot.map { entries[$0].work } ?? WorkSum()
    race.open()
    for other in groups.indices {
      let work = work(of: other, beside: group, isLate: isLate) - (other == group ? own : WorkSum())
      guard work.requests > 0 else { continue }
      let share = shareAhead(of: other, group)
      race.add(aheadUs: costs.us(work) * share, requests: Double(work.requests) * share)
    }
    let newLine = line(of: group, classIndex: groups[group].key.classIndex, isLate: isLate)
    let ownLine = slot.map { entries[$0].line } ?? newLine
    return estimate(group, line: Int(ownLine), isLate: isLate, ageUs: 0, costs)
  }

  /// Wait of a request with so much work of its own line ahead of it.
  mutating func estimate(_ slot: Int, ahead: WorkSum, _ costs: WorkCosts) -> WaitEstimate {
    race.open()
    race.add(aheadUs: costs.us(ahead), requests: Double(ahead.requests))
    let entry = entries[slot]
    let ageUs = Double(max(0, nowUs &- arrivals[slot]))
    return estimate(Int(entry.group), line: Int(entry.line), isLate: entry.isLate, ageUs: ageUs, costs)
  }

  /// Work of one waiting request.
  func work(of slot: Int) -> WorkSum { entries[slot].work }

  /// What waits of a group in the line of another one.
  private func work(of other: Int, beside group: Int, isLate: Bool) -> WorkSum {
    switch kind {
    case .ofClass where groups[other].key.classIndex == groups[group].key.classIndex: return groups[other].waiting
    case .ofClass: return WorkSum()
    case .ofGroup where other != group: return WorkSum()
    case .ofAll, .ofGroup: return isLate ? groups[other].late : groups[other].onTime
    }
  }

  /// Share of a group's requests that go before one which joins another group now. Where deadlines decide, a later one
  /// goes first if it is older by the difference; ages are taken to be spread evenly up to the oldest.
  private func shareAhead(of other: Int, _ group: Int) -> Double {
    switch order {
    case .arrival, .measured: return 1
    case .rank: return groups[other].rank <= groups[group].rank ? 1 : 0
    case .deadline:
      let laterUs = Double(groups[other].key.ttftSLOMs - groups[group].key.ttftSLOMs) * 1_000
      guard laterUs > 0 else { return 1 }
      let oldestUs = Double(oldestUs(other))
      return oldestUs > laterUs ? (oldestUs - laterUs) / oldestUs : 0
    }
  }

  private mutating func estimate(
    _ group: Int, line: Int, isLate: Bool, ageUs: Double, _ costs: WorkCosts
  ) -> WaitEstimate {
    if !isLate || kind == .ofClass { addOvertakers(group, ageUs: ageUs, costs) }
    let rate = lines[line].rate(costs)
    let worstRate = rate / (1 + Self.boundDeviations * lines[line].spread)
    let moreUs = Self.boundDeviations * costs.variance(requests: race.aheadRequests).squareRoot()
    return WaitEstimate(
      meanUs: max(race.waitUs(rate: rate), costs.iterationUs),
      boundUs: max(race.worstUs(rate: worstRate, moreUs: moreUs), costs.iterationUs) + costs.iterationUs)
  }

  /// Those that arrive later and go first all the same.
  private mutating func addOvertakers(_ group: Int, ageUs: Double, _ costs: WorkCosts) {
    guard order == .rank || order == .deadline else { return }
    let patienceLeftUs = max(0, patienceUs - ageUs)
    for other in groups.indices where other != group {
      if kind == .ofClass, groups[other].key.classIndex != groups[group].key.classIndex { continue }
      var untilUs = patienceLeftUs
      switch order {
      case .arrival, .measured: continue
      case .rank: if groups[other].rank >= groups[group].rank { continue }
      case .deadline:
        let earlierUs = Double(groups[group].key.ttftSLOMs - groups[other].key.ttftSLOMs) * 1_000 - ageUs
        untilUs = min(patienceLeftUs, earlierUs)
      }
      let rate = groups[other].arrivalRate(nowUs: nowUs, costs)
      let worstRate = rate * (1 + Self.boundDeviations * groups[other].arrivalSpread(nowUs: nowUs))
      race.add(overtakingRate: rate, worst: worstRate, untilUs: untilUs)
    }
  }

  /// Share of a group's waiting requests whose first token is expected in time, in parts per million. Ages are taken to
  /// be spread evenly: the newest waits as long as one that arrives now, the oldest no more. Those behind the others
  /// are late.
  /// - Parameters:
  ///   - waitUs: of a request that arrives now.
  ///   - prefillUs: from a request's turn to its first token.
  func inSLOPpm(_ group: Int, waitUs: Double, prefillUs: Double) -> Int {
    let (onTime, all) = (groups[group].onTime.requests, groups[group].waiting.requests)
    guard all > 0 else { return PolicyConfig.wholePpm }
    let leftUs = Double(groups[group].key.ttftSLOMs) * 1_000 - prefillUs
    let (least, most) = (min(waitUs, Double(oldestUs(group))), max(waitUs, Double(oldestUs(group))))
    let share = most <= leftUs ? 1 : least > leftUs ? 0 : (leftUs - least) / (most - least)
    return Int(share * Double(onTime) / Double(all) * Double(PolicyConfig.wholePpm))
  }
}
