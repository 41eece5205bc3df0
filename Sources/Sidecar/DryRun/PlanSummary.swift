import SchedulerCore
import WireProtocol

/// One plan in figures that two policies can be compared by.
struct PlanSummary: Hashable, Sendable {
  /// Waiting requests that are named in order.
  static let orderLimit = 8

  var tokens = 0
  var requests = 0
  var admitted = 0
  var prefillTokens = 0
  var paused = 0
  var preempted = 0
  var holds = 0
  /// Ids of waiting requests, first served first, those in the plan included.
  var order: [String] = []

  init() {}

  /// - Parameter core: before the plan was made.
  init(_ plan: StepPlan, _ core: SchedulerCore) {
    for item in plan.run {
      tokens += item.n
      requests += 1
      guard let request = core.request(item.h) else { continue }
      if !request.isRunning { admitted += 1 }
      if !request.isDecoding { prefillTokens += item.n }
    }
    paused = plan.pause.count
    preempted = plan.requeue.count + plan.swapCPU.count + plan.swapSSD.count + plan.truncate.count
    holds = plan.holdUs == nil ? 0 : 1
    var core = core
    order = core.requests(limit: core.counts.running + Self.orderLimit).lazy.filter { !$0.running && !$0.blocked }
      .prefix(Self.orderLimit).map(\.id)
  }

  mutating func add(_ other: PlanSummary) {
    tokens += other.tokens
    requests += other.requests
    admitted += other.admitted
    prefillTokens += other.prefillTokens
    paused += other.paused
    preempted += other.preempted
    holds += other.holds
  }

  var figures: JSONObject {
    [
      "tokens": JSONValue(tokens), "prefill_tokens": JSONValue(prefillTokens), "requests": JSONValue(requests),
      "admitted": JSONValue(admitted), "paused": JSONValue(paused), "preempted": JSONValue(preempted),
      "holds": JSONValue(holds),
    ]
  }

  var json: JSONValue {
    var json = figures
    json["order"] = .array(order.map { .string($0) })
    return .object(json)
  }
}
