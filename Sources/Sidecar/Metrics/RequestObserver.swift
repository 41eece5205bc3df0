import SchedulerCore

/// Follows the requests of one session from their first plan to their end, for the metrics. Costs O(arrived + admitted
/// + removed + prefills in progress) per Step; requests that wait cost nothing.
struct RequestObserver: Sendable {
  private struct Active: Sendable {
    var arrivalUs: Int64
    var firstTokenUs: Int64 = -1
    var classIndex: Int32
    /// The request's own objective, 0: the class's.
    var ttftSLOMs: Int
    var tpotSLOMs: Int
  }

  private(set) var metrics = DecisionMetrics()
  private var active: [RequestHandle: Active] = [:]
  /// Active requests without an output token.
  private var prefilling: [RequestHandle] = []
  private var ended: [(active: Active, outputTokens: Int)] = []
  /// Name index -> counters; -1 unknown.
  private var classOfName: [Int32] = []
  private var policy: PolicyConfig

  init(policy: PolicyConfig) { self.policy = policy }

  mutating func setPolicy(_ policy: PolicyConfig) {
    self.policy = policy
    classOfName.removeAll(keepingCapacity: true)
  }

  // MARK: - A Step

  /// Before the Step is applied: its removed requests are still there.
  mutating func willApply(_ delta: StepDelta, _ core: SchedulerCore) {
    for handle in delta.removed {
      guard let active = active.removeValue(forKey: handle), let request = core.request(handle) else { continue }
      ended.append((active, request.outputTokens))
    }
  }

  mutating func didApply(_ delta: StepDelta, _ core: SchedulerCore) {
    for name in delta.arrived.requestClass { metrics[classIndex(Int32(name), core)].arrived &+= 1 }
    settlePrefills(core)
    guard !ended.isEmpty else { return }
    for (active, outputTokens) in ended { finish(active, outputTokens, nowUs: core.nowUs) }
    ended.removeAll(keepingCapacity: true)
  }

  private mutating func settlePrefills(_ core: SchedulerCore) {
    var index = 0
    while index < prefilling.count {
      let handle = prefilling[index]
      let request = core.request(handle)
      guard var entry = active[handle], let request else {
        prefilling.swapAt(index, prefilling.count - 1)
        prefilling.removeLast()
        continue
      }
      guard request.outputTokens > 0 else {
        index += 1
        continue
      }
      entry.firstTokenUs = core.nowUs
      active[handle] = entry
      metrics[Int(entry.classIndex)].timeToFirstToken.observe(us: Int(core.nowUs &- entry.arrivalUs))
      prefilling.swapAt(index, prefilling.count - 1)
      prefilling.removeLast()
    }
  }

  /// After the plan: who is in it for the first time, and its reasons.
  mutating func didPlan(_ plan: StepPlan, _ core: SchedulerCore) {
    for reason in plan.reasons { count(reason, core) }
    for item in plan.run[plan.decodeCount...] {
      guard active[item.h] == nil, let request = core.request(item.h), request.outputTokens == 0 else { continue }
      let index = classIndex(request.className, core)
      active[item.h] = Active(
        arrivalUs: request.arrivalUs, classIndex: Int32(index), ttftSLOMs: request.ttftSLOMs,
        tpotSLOMs: request.tpotSLOMs)
      prefilling.append(item.h)
      metrics[index].queueWait.observe(us: Int(core.nowUs &- request.arrivalUs))
    }
  }

  private mutating func count(_ reason: PlanReason, _ core: SchedulerCore) {
    metrics.count(reason: reason.reason.code)
    switch reason.reason {
    case .upgraded:
      if let request = core.request(reason.h) { metrics[classIndex(request.className, core)].upgrades &+= 1 }
    case .returnedPlace, .returnedKV:
      if let request = core.request(reason.h) { metrics[classIndex(request.className, core)].returns &+= 1 }
    default: break
    }
  }

  mutating func didAnswer(inUs elapsedUs: Int) { metrics.stepDuration.observe(us: elapsedUs) }

  // MARK: - Ends

  private mutating func finish(_ entry: Active, _ outputTokens: Int, nowUs: Int64) {
    let index = Int(entry.classIndex)
    metrics[index].finished &+= 1
    metrics[index].duration.observe(us: Int(nowUs &- entry.arrivalUs))
    guard entry.firstTokenUs >= 0 else { return }
    let objective = policy.classes.first { $0.name == metrics.classes[index].name }
    let ttftMs = entry.ttftSLOMs > 0 ? entry.ttftSLOMs : objective?.ttftSLOMs ?? .max
    let tpotMs = entry.tpotSLOMs > 0 ? entry.tpotSLOMs : objective?.tpotSLOMs ?? .max
    let isFirstInTime = Int(entry.firstTokenUs &- entry.arrivalUs) / 1000 <= ttftMs
    var areRestInTime = true
    if outputTokens > 1 {
      let perTokenUs = Int(nowUs &- entry.firstTokenUs) / (outputTokens - 1)
      metrics[index].timePerOutputToken.observe(us: perTokenUs)
      areRestInTime = perTokenUs / 1000 <= tpotMs
    }
    metrics[index].withinTTFT &+= isFirstInTime ? 1 : 0
    metrics[index].withinTPOT &+= areRestInTime ? 1 : 0
    metrics[index].withinBoth &+= isFirstInTime && areRestInTime ? 1 : 0
  }

  /// Counters of the class that the policy takes a name for.
  private mutating func classIndex(_ name: Int32, _ core: SchedulerCore) -> Int {
    let index = Int(name)
    if index >= classOfName.count {
      classOfName.append(contentsOf: repeatElement(-1, count: index + 1 - classOfName.count))
    }
    if classOfName[index] < 0 {
      let text = core.name(name)
      let known = policy.classes.contains { $0.name == text } ? text : policy.defaultClass
      classOfName[index] = Int32(metrics.index(of: known))
    }
    return Int(classOfName[index])
  }
}
