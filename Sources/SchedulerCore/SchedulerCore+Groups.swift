/// Request groups and their waiting-time estimates (Docs/policies.md, "Groups and waits"). Kept up to date with the
/// queue; estimates are made when somebody asks.
extension SchedulerCore {
  /// Waiting requests that an estimate for one of them looks at; behind these the sums of groups have to do.
  static let walkMax = 10_000

  /// Puts a request into its group, or out of it.
  /// - Parameter isLate: it stands behind those that are in time.
  mutating func noteGroup(_ slot: Int, _ request: Request, isLate: Bool) {
    guard request.isCandidate else { return groups.leave(slot, request: request) }
    let index = classes.classIndex(of: request.className, names: mirror.names)
    groups.join(
      slot, request: request, key: RequestGroup.Key(request: request, classIndex: index, policy.classes[index]),
      rank: policy.classes[index].rank, outputTokens: Int(goodput.outputs.expectedTokens(request)), isLate: isLate)
  }

  /// What the work that waits costs, by the requests that wait now.
  var workCosts: WorkCosts {
    let waiting = groups.waiting
    let prompt = max(1, waiting.promptTokens / max(1, waiting.requests))
    let context = prompt + waiting.outputTokens / max(1, waiting.requests) / 2
    return WorkCosts(
      requestUs: GoodputPlanner.requestCostUs,
      promptTokenUs: goodput.time.prefillUs(tokens: prompt, prefix: 0) / Double(prompt),
      outputTokenUs: goodput.time.decodeUs(context: context), outputVariance: goodput.outputs.variance,
      startRate: goodput.gpuShare, iterationUs: goodput.tokenUs)
  }

  /// How long a request that has just arrived is expected to wait, by the sums of the groups: O(groups). nil for one
  /// that does not wait.
  public mutating func arrivalEstimate(_ handle: RequestHandle) -> WaitEstimate? {
    guard let slot = mirror.table.slot(of: handle), let place = groups.place(of: slot) else { return nil }
    return groups.arrivalEstimate(group: place.group, isLate: place.isLate, besides: slot, workCosts)
  }

  /// How long a waiting request is expected to wait from now on, by those that stand before it: O(walked log walked).
  /// nil for one that does not wait.
  public mutating func waitEstimate(_ handle: RequestHandle) -> WaitEstimate? {
    guard let slot = mirror.table.slot(of: handle), let place = groups.place(of: slot) else { return nil }
    var ahead = WorkSum()
    var walked = 0
    queue.beginWalk(ids: mirror.table.ids)
    while let other = queue.next(mirror.table.ids), other != slot {
      walked += 1
      guard walked < Self.walkMax else { return arrivalEstimate(handle) }
      if groups.place(of: other)?.line == place.line { ahead += groups.work(of: other) }
    }
    return groups.estimate(slot, ahead: ahead, workCosts)
  }

  /// Every group that is known, best class first. O(groups^2).
  public mutating func groupViews() -> [GroupView] {
    let costs = workCosts
    var views: [(order: (Int, Int32, Int32, Int, Int), view: GroupView)] = []
    for index in groups.groups.indices {
      let group = groups.groups[index]
      guard index > 0 || group.waiting.requests > 0 else { continue }
      let key = group.key
      let wait = groups.arrivalEstimate(group: index, costs)
      let waiting = group.waiting
      let prompt = waiting.promptTokens / max(1, waiting.requests)
      let view = GroupView(
        className: index == 0 ? "" : policy.classes[Int(key.classIndex)].name,
        adapter: mirror.names.name(Int(key.adapter)), ttftSLOMs: key.ttftSLOMs, tpotSLOMs: key.tpotSLOMs,
        waiting: waiting.requests, promptTokens: waiting.promptTokens, outputTokens: waiting.outputTokens,
        oldestUs: groups.oldestUs(index), wait: wait,
        inSLOPpm: groups.inSLOPpm(
          index, waitUs: Double(wait.meanUs),
          prefillUs: costs.promptTokenUs * Double(prompt) + costs.iterationUs))
      views.append(((group.rank, key.classIndex, key.adapter, key.ttftSLOMs, key.tpotSLOMs), view))
    }
    return views.sorted { $0.order < $1.order }.map(\.view)
  }
}
