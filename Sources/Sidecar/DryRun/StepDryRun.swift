import Policy
import SchedulerCore
import WireProtocol

/// From each of the last recorded states one step under two policies. It says what the next iteration would have been,
/// not what would have come of it: every state is one that the policy in force led to.
public struct StepDryRun: Sendable {
  /// Steps shown one by one.
  static let exampleLimit = 5

  /// - Parameters:
  ///   - segments: of any sessions, oldest first in each.
  ///   - count: states to look at, of each session the last ones.
  /// - Throws: when the recording replays otherwise.
  public static func report(
    _ policy: PolicyDocument, _ segments: [RecordingSegment], last count: Int
  ) throws(ReplayDifference) -> JSONValue {
    var run = StepDryRun(policy: policy)
    try run.run(segments, last: count)
    return run.json
  }

  private let policy: PolicyDocument
  private var steps = 0
  private var samePlans = 0
  private var sameOrders = 0
  private var before = PlanSummary()
  private var after = PlanSummary()
  private var examples: [JSONValue] = []

  private init(policy: PolicyDocument) { self.policy = policy }

  private mutating func run(_ segments: [RecordingSegment], last count: Int) throws(ReplayDifference) {
    for session in Set(segments.map(\.start.session)).sorted() {
      let own = segments.filter { $0.start.session == session }
      var left = own.reduce(0) { $0 + $1.stepCount } - count
      for segment in own {
        guard left < segment.stepCount else {
          left -= segment.stepCount
          continue
        }
        try run(segment, from: max(0, left))
        left = 0
      }
    }
  }

  private mutating func run(_ segment: RecordingSegment, from first: Int) throws(ReplayDifference) {
    var index = 0
    var state: SchedulerCore?
    var comparison = self
    try Replayer.run(
      segment,
      beforePlan: { replayer, _ in state = index >= first ? replayer.core : nil },
      onStep: { replayer, step in
        index += 1
        guard let core = state, step.outcome != .sync, step.outcome != .rejected else { return true }
        state = nil
        comparison.compare(core, replayer)
        return true
      })
    self = comparison
  }

  private mutating func compare(_ core: SchedulerCore, _ replayer: Replayer) {
    var changed = core
    changed.setPolicy(policy.tailored(to: core.engine.model.id).config)
    let ordered = changed
    var plan = StepPlan()
    changed.plan(resources: replayer.resources, into: &plan)
    let old = PlanSummary(replayer.plan, core)
    let new = PlanSummary(plan, ordered)
    steps += 1
    before.add(old)
    after.add(new)
    let isSamePlan = Self.work(plan) == Self.work(replayer.plan)
    samePlans += isSamePlan ? 1 : 0
    sameOrders += old.order == new.order ? 1 : 0
    guard !isSamePlan, examples.count < Self.exampleLimit else { return }
    examples.append([
      "session": .string(replayer.session), "seq": JSONValue(replayer.delta.seq), "before": old.json,
      "after": new.json,
    ])
  }

  /// What a plan makes the engine do, whatever the order of its items.
  private static func work(_ plan: StepPlan) -> [[UInt32]] {
    plan.run.map { [$0.h, UInt32($0.n), UInt32($0.k), $0.shape.rawValue] }.sorted { $0.lexicographicallyPrecedes($1) }
      + [plan.pause.sorted(), plan.requeue.sorted(), plan.swapCPU.sorted(), plan.swapSSD.sorted()]
  }

  private var json: JSONValue {
    [
      "kind": "one_step_from_recorded_states", "steps": JSONValue(steps), "same_plans": JSONValue(samePlans),
      "same_orders": JSONValue(sameOrders), "before": .object(before.figures), "after": .object(after.figures),
      "examples": .array(examples),
    ]
  }
}
