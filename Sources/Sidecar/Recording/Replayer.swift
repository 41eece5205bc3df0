import SchedulerCore
import WireProtocol

/// Takes the recorded inputs of one segment to a core of its own, Step by Step, and compares what comes out. No clock,
/// no socket: the same recording gives the same bytes in every process.
public struct Replayer {
  public private(set) var core: SchedulerCore
  public private(set) var policy: ActivePolicy
  public private(set) var resources: ResourceSnapshot
  /// The Step taken last.
  public private(set) var delta = StepDelta()
  /// The answer to it; empty for a sync Step.
  public private(set) var plan = StepPlan()
  public let session: String
  private var order: StepOrder
  private let codec: StepCodec
  private var writer = JSONWriter()

  public init(_ start: RecordingSegment.Start, depth: Int = WireLimits.defaultDepth) {
    core = start.core
    policy = start.policy
    resources = start.resources
    session = start.session
    order = StepOrder(epoch: start.epoch, lastSeq: start.seq, isSyncing: start.isSyncing)
    codec = StepCodec(limits: start.limits, depth: depth)
  }

  public mutating func take(_ policy: ActivePolicy) {
    self.policy = policy
    core.setPolicy(policy.document.config)
  }

  public mutating func take(_ resources: ResourceSnapshot) { self.resources = resources }

  /// Replays one Step.
  /// - Parameter beforePlan: sees the core when the Step is applied and its plan is not made; not called for a sync
  ///   Step.
  /// - Throws: when the outcome differs from the recorded one. The replay must not go on then.
  public mutating func take(
    _ step: RecordedStep, beforePlan: (Replayer) -> Void = { _ in }
  ) throws(ReplayDifference) {
    do throws(StepRejection) { try apply(step) } catch {
      writer.removeAll()
      error.json.write(into: &writer)
      guard step.outcome == .rejected else {
        throw difference(step, replayed: "the Step was rejected: \(error.field): \(error.reason)")
      }
      return try compare(step)
    }
    guard step.outcome != .rejected else { throw difference(step, replayed: "the Step was accepted") }
    guard delta.sync == (step.outcome == .sync) else {
      throw difference(step, replayed: delta.sync ? "the Step asked for no plan" : "the Step asked for a plan")
    }
    if delta.sync {
      plan.removeAll()
    } else {
      beforePlan(self)
      core.plan(resources: resources, into: &plan)
    }
    guard step.outcome == .planned || step.outcome == .sync else { return core.dropPlan() }
    writer.removeAll()
    StepReplyCodec.encode(epoch: delta.epoch, seq: delta.seq, plan: plan, isSync: delta.sync, into: &writer)
    try compare(step)
  }

  private mutating func apply(_ step: RecordedStep) throws(StepRejection) {
    try step.message.span.bytes.withUnsafeBytes { (bytes) throws(StepRejection) in try codec.decode(bytes, into: &delta)
    }
    try order.check(delta)
    try core.apply(delta)
    order.accept(delta)
  }

  private func compare(_ step: RecordedStep) throws(ReplayDifference) {
    guard writer.bytes.elementsEqual(step.reply) else {
      throw difference(step, replayed: String(decoding: writer.bytes, as: UTF8.self))
    }
  }

  private func difference(_ step: RecordedStep, replayed: String) -> ReplayDifference {
    ReplayDifference(
      session: session, seq: step.seq, outcome: step.outcome,
      recorded: String(decoding: step.reply, as: UTF8.self), replayed: replayed)
  }
}

extension Replayer {
  /// Replays a whole segment. - Parameter onStep: called after each Step; false ends the replay there.
  /// - Returns: Steps replayed.
  @discardableResult
  public static func run(
    _ segment: RecordingSegment, beforePlan: (Replayer, RecordedStep) -> Void = { _, _ in },
    onStep: (Replayer, RecordedStep) -> Bool = { _, _ in true }
  ) throws(ReplayDifference) -> Int {
    var replayer = Replayer(segment.start)
    var steps = 0
    try segment.forEachEntry { (entry) throws(ReplayDifference) in
      switch entry {
      case .policy(let policy): replayer.take(policy)
      case .resources(let resources): replayer.take(resources)
      case .step(let step):
        try replayer.take(step) { beforePlan($0, step) }
        steps += 1
        return onStep(replayer, step)
      }
      return true
    }
    return steps
  }
}
