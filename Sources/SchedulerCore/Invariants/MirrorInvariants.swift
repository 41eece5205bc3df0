/// What must hold for the mirror and the waiting order after every Step. Checked in tests, not in the serving path.
extension SchedulerCore {
  /// Sentences about what is inconsistent; empty when all is well. O(slots).
  public func mirrorViolations() -> [String] {
    var found: [String] = []
    var sums = StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0)
    var candidates = 0
    for request in mirror.table.requests where request.isLive {
      if request.isRunning { sums.running += 1 } else { sums.waiting += 1 }
      if request.isBlocked { sums.blocked += 1 }
      if !request.isRunning, !request.isBlocked { candidates += 1 }
      sums.computed += request.computedTokens
      sums.output += request.outputTokens
      if request.unsettledPlans < 0 { found.append("\(request.handle) is in \(request.unsettledPlans) plans") }
    }
    if sums != mirror.table.sums { found.append("sums drifted: \(mirror.table.sums), expected \(sums)") }
    if candidates != queue.count { found.append("\(queue.count) candidates queued, expected \(candidates)") }
    found += queueViolations()
    found += groupViolations(candidates)
    var table = mirror.table
    table.compactRunning()
    if table.running.count != sums.running { found.append("\(table.running.count) in the running list") }
    return found
  }

  /// Every candidate is in one group, and the groups' sums are those of the requests in them.
  private func groupViolations(_ candidates: Int) -> [String] {
    var found: [String] = []
    var sums = [WorkSum](repeating: WorkSum(), count: groups.groups.count)
    var oldest = [Int64](repeating: 0, count: groups.groups.count)
    for slot in mirror.table.requests.indices {
      let request = mirror.table.requests[slot]
      guard let place = groups.place(of: slot) else { continue }
      if !request.isCandidate { found.append("\(request.handle) waits in a group and is no candidate") }
      sums[place.group] += groups.work(of: slot)
      oldest[place.group] = max(oldest[place.group], mirror.nowUs &- request.arrivalUs)
    }
    for (index, sum) in sums.enumerated() {
      let kept = groups.groups[index].waiting
      if kept != sum { found.append("group \(index) drifted: \(kept), expected \(sum)") }
      if groups.oldestUs(index) != oldest[index] { found.append("group \(index): another is the oldest") }
    }
    let all = sums.reduce(WorkSum(), +)
    if all.requests != candidates { found.append("\(all.requests) candidates in groups, expected \(candidates)") }
    if all != groups.waiting { found.append("the sum of the groups drifted: \(groups.waiting), expected \(all)") }
    return found
  }

  /// Every candidate is in line once, in order: of its tenant's queue or of its tenant's level where
  /// tenants matter.
  private func queueViolations() -> [String] {
    var found: [String] = []
    var walk = queue
    var seen = Set<Int>()
    var last: [Int32: SlotHeap.Key] = [:]
    walk.beginWalk(ids: mirror.table.ids)
    while let slot = walk.next(mirror.table.ids) {
      let request = mirror.table.requests[slot]
      if !seen.insert(slot).inserted { found.append("\(request.handle) is queued twice") }
      if !request.isCandidate { found.append("\(request.handle) is no candidate") }
      let line = queue.takesTurns ? request.tenant : Int32(queue.level(of: request))
      let key = queue.key(of: slot)
      if let last = last[line], key < last { found.append("the waiting order is broken at \(request.handle)") }
      last[line] = key
    }
    if seen.count != queue.count { found.append("\(seen.count) candidates in line, expected \(queue.count)") }
    return found
  }
}
