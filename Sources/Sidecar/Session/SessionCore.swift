import SchedulerCore
import WireProtocol

/// A session's core, and what goes in and out of it with each Step.
///
/// `EngineSession`, a class, holds it as a value. A method that only reads would be given a copy, hundreds of arrays to
/// retain and to release; so whatever happens in each Step is `mutating`, which works in place.
struct SessionCore {
  private(set) var core: SchedulerCore
  private(set) var order: StepOrder
  private(set) var observer: RequestObserver
  private var delta = StepDelta()
  private var plan = StepPlan()
  private let codec: StepCodec

  init(core: SchedulerCore, order: StepOrder, codec: StepCodec) {
    self.core = core
    self.order = order
    self.codec = codec
    observer = RequestObserver(policy: core.policy)
  }

  // MARK: - One Step

  /// What a Step is that counts.
  struct Applied {
    let epoch: UInt64
    let seq: UInt64
    /// It wants no plan.
    let isSync: Bool
  }

  mutating func apply(_ message: UnsafeRawBufferPointer) throws(StepRejection) -> Applied {
    try codec.decode(message, into: &delta)
    try order.check(delta)
    observer.willApply(delta, core)
    try core.apply(delta)
    order.accept(delta)
    return Applied(epoch: delta.epoch, seq: delta.seq, isSync: delta.sync)
  }

  mutating func makePlan(_ resources: ResourceSnapshot) { core.plan(resources: resources, into: &plan) }

  mutating func writeReply(into writer: inout JSONWriter) {
    StepReplyCodec.encode(epoch: delta.epoch, seq: delta.seq, plan: plan, isSync: delta.sync, into: &writer)
  }

  /// Counts what the Step told, and what its plan says, if there is one.
  mutating func observe() {
    observer.didApply(delta, core)
    if !delta.sync { observer.didPlan(plan, core) }
  }

  mutating func observeAnswer(inUs elapsedUs: Int) { observer.didAnswer(inUs: elapsedUs) }

  /// The plan, observed already, is not carried out.
  mutating func dropPlan() { core.dropPlan() }

  // MARK: - Rare

  /// What `check` finds wrong with the plan.
  func violation(by check: (SchedulerCore, StepPlan) -> String?) -> String? { check(core, plan) }

  // MARK: - Between two Steps

  mutating func setPolicy(_ policy: PolicyConfig) {
    core.setPolicy(policy)
    observer.setPolicy(policy)
  }

  /// A bounded copy of the mirror.
  mutating func requests(limit: Int) -> [RequestView] { core.requests(limit: limit) }

  /// Waiting requests by group, and how long each would wait.
  mutating func groupViews() -> [GroupView] { core.groupViews() }

  mutating func takeCharges(_ body: (String, Int) -> Void) { core.takeCharges(body) }
}
