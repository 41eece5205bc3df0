import Logging
import SchedulerCore
import WireProtocol

/// One engine's scheduler loop on one connection (Docs/wire.md, session rules): takes request payloads, writes reply
/// frames. It knows no socket and no clock but the one it is given, and belongs to one event loop.
final class EngineSession {
  /// What the session is in, in the words of Docs/wire.md.
  enum State: String, Sendable { case empty, syncing, live, lost, replaced }

  let registry: SessionRegistry
  let limits: SidecarLimits
  let log: Logger
  /// Monotonic microseconds.
  let clock: () -> Int
  /// Says what is wrong with a plan; nil when nothing looks.
  var planCheck: ((SchedulerCore, StepPlan) -> String?)?
  /// The machine as last published.
  private(set) var resources: ResourceSnapshot

  private(set) var state = State.empty
  private(set) var counters = SessionCounters()
  private(set) var registration: SessionRegistration?
  /// Of `registration`.
  private var mark: SessionMark?
  private var live: SessionCore?
  private var policy: ActivePolicy
  private var recorder: StepRecorder
  /// What the core that was dropped had counted since Register, and how far it had come.
  private var lost = Lost()
  private var backoff = ResyncBackoff()
  private let codec: StepCodec
  /// The Step that `note` has still to look at.
  private var answered: Answered?

  private struct Answered {
    let step: SessionCore.Applied
    let receivedUs: Int
    /// What became of its plan if it did not leave.
    var dropped: StepOutcome?
    /// Where the reply's message lies in the writer; empty without one.
    var reply = 0..<0
  }

  private struct Lost {
    var telemetry = Telemetry()
    var metrics = DecisionMetrics()
    var order = StepOrder(epoch: 0)
  }

  init(
    registry: SessionRegistry, limits: SidecarLimits, resources: ResourceSnapshot, log: Logger,
    clock: @escaping () -> Int
  ) {
    self.registry = registry
    self.limits = limits
    self.resources = resources
    self.log = log
    self.clock = clock
    policy = registry.policy
    recorder = StepRecorder(budget: registry.recordingBudget, limits: limits.recording)
    if registry.checksPlans { planCheck = { core, plan in core.planViolations(plan).first.map { "\($0)" } } }
    codec = StepCodec(limits: limits.mirror, depth: limits.wire.depth)
  }

  // MARK: - Register

  func register(_ message: JSONValue) throws(CallError) -> JSONValue {
    let engine = try RegisterMessage.decode(message)
    try registry.checkAdmission(of: engine)
    leave()
    let (registration, applied) = registry.register(engine)
    policy = registry.policy.tailored(to: engine.model.id)
    self.registration = registration
    mark = registration.mark
    live = SessionCore(
      core: SchedulerCore(engine: engine, policy: policy.document.config, limits: limits.mirror),
      order: StepOrder(epoch: registration.epoch), codec: codec)
    backoff = registry.backoff(of: registration.rank)
    counters = SessionCounters(resyncs: counters.resyncs, earlierResyncs: counters.resyncs)
    state = .syncing
    registry.metrics.open(engine)
    beginSegment()
    log.info(
      "registered",
      metadata: [
        "session": "\(registration.session)", "server_id": "\(engine.serverID)", "dp_rank": "\(engine.dpRank)",
        "engine": "\(engine.name)", "epoch": "\(registration.epoch)",
      ])
    return RegisterReply(
      session: registration.session, epoch: registration.epoch, applied: applied,
      policyGeneration: policy.generation, mirrorLimits: limits.mirror, takesPrefixes: engine.takesPrefixVerbs
    ).json
  }

  /// Ends the session at the engine's wish.
  func unregister() throws(CallError) -> JSONValue {
    guard let mark else {
      throw CallError(
        .failedPrecondition, "no session on this connection", details: ["reason": "NOT_REGISTERED", "field": ""])
    }
    leave()
    if mark.isReplaced { throw .replaced }
    return [:]
  }

  /// End of the session: its counters and its last applied Step stay in the registry.
  func leave() {
    guard let registration else { return }
    flushCharges()
    // Whoever took its place may know more by now.
    if backoff.isRemarkable, !registration.mark.isReplaced { registry.remember(backoff, of: registration.rank) }
    registry.leave(registration)
    dropCore()
    registry.metrics.close(registration.engine, counters, lost.telemetry, lost.metrics)
    self.registration = nil
    mark = nil
    lost = Lost()
    state = .empty
  }

  // MARK: - Step

  /// Answers one Step. Everything on this path is synchronous and allocates nothing per request. `note` comes next.
  /// - Parameters:
  ///   - message: bytes of the Step's message.
  ///   - receivedUs: when the frame was complete, by `clock`.
  ///   - isCancelled: whether a cancel frame for this call has arrived meanwhile.
  func step(
    id: UInt64, timeoutUs: Int?, message: UnsafeRawBufferPointer, receivedUs: Int, isCancelled: () -> Bool,
    into writer: inout JSONWriter
  ) {
    guard let mark else {
      return refuseStep(
        id, StepRejection(field: "/epoch", reason: "no session on this connection; Register first"), &writer)
    }
    guard !mark.isReplaced else { return wasReplaced(id, &writer) }
    guard state != .lost else {
      return refuseStep(id, StepRejection(field: "", reason: "the mirror is gone; Register first"), &writer)
    }
    guard mark.beginStep() else { return wasReplaced(id, &writer) }
    if recorder.isSegmentFull { beginSegment() }
    let step: SessionCore.Applied
    do throws(StepRejection) {
      // Over before anything else happens: whoever replaces this session waits for it with the registry's lock held.
      defer { mark.endStep() }
      step = try live!.apply(message)
      mark.setApplied(epoch: step.epoch, seq: step.seq)
    } catch {
      record(rejected: error, message, receivedUs)
      live!.observeAnswer(inUs: clock() - receivedUs)
      return lose(id, error, &writer)
    }
    counters.steps += 1
    backoff.stepCounted()
    answered = Answered(step: step, receivedUs: receivedUs)
    if step.isSync { return reply(id, &writer) }
    state = .live
    live!.makePlan(resources)
    counters.plans += 1
    if let planCheck, let violation = live!.violation(by: planCheck) { return withhold(id, step, violation, &writer) }
    // A plan takes a microsecond at least, so a timeout of 1 is always over.
    if let timeoutUs, max(1, clock() - receivedUs) >= timeoutUs {
      counters.deadlineExceeded += 1
      return drop(.late, id, .planDropped(.deadlineExceeded, epoch: step.epoch, seq: step.seq), &writer)
    }
    if isCancelled() {
      counters.cancelled += 1
      return drop(.cancelled, id, .planDropped(.cancelled, epoch: step.epoch, seq: step.seq), &writer)
    }
    reply(id, &writer)
  }

  /// Notes the Step that was answered last, for metrics and recordings. Called when the answer is on its way: the
  /// engine does not wait for this.
  /// - Parameters:
  ///   - message: as `step` had it.
  ///   - written: bytes of `step`'s writer.
  func note(_ message: UnsafeRawBufferPointer, _ written: [UInt8]) {
    guard let answered, live != nil else { return }
    self.answered = nil
    live!.observeAnswer(inUs: clock() - answered.receivedUs)
    if answered.dropped == nil { live!.observe() }
    written.withUnsafeBytes {
      recorder.record(
        answered.dropped ?? (answered.step.isSync ? .sync : .planned), seq: answered.step.seq,
        atUs: answered.receivedUs, message: message, reply: UnsafeRawBufferPointer(rebasing: $0[answered.reply]))
    }
  }

  private func reply(_ id: UInt64, _ writer: inout JSONWriter) {
    var start = 0
    var end = 0
    ReplyEnvelope.write(id: id, into: &writer) {
      start = $0.bytes.count
      live!.writeReply(into: &$0)
      end = $0.bytes.count
    }
    answered!.reply = start..<end
  }

  /// The Step counts, its plan does not.
  private func drop(_ outcome: StepOutcome, _ id: UInt64, _ error: CallError, _ writer: inout JSONWriter) {
    answered!.dropped = outcome
    live!.observe()
    live!.dropPlan()
    ReplyEnvelope.write(id: id, error: error, into: &writer)
  }

  /// A plan that breaks an invariant never leaves: it is our bug, and the engine's own scheduler serves meanwhile.
  private func withhold(_ id: UInt64, _ step: SessionCore.Applied, _ violation: String, _ writer: inout JSONWriter) {
    counters.violations += 1
    log.error("plan violates an invariant", metadata: ["violation": "\(violation)", "seq": "\(step.seq)"])
    let error = CallError(
      .internalError, "applied, plan withheld: \(violation)",
      details: ["epoch": JSONValue(step.epoch), "seq": JSONValue(step.seq), "reason": "INVARIANT"])
    drop(.withheld, id, error, &writer)
  }

  private func lose(_ id: UInt64, _ rejection: StepRejection, _ writer: inout JSONWriter) {
    backoff.lost()
    if let registration { registry.remember(backoff, of: registration.rank) }
    state = .lost
    flushCharges()
    dropCore()
    log.warning(
      "resync",
      metadata: [
        "session": "\(registration?.session ?? "")", "field": "\(rejection.field)", "reason": "\(rejection.reason)",
        "retry_after_ms": "\(backoff.retryAfterMs)",
      ])
    refuseStep(id, rejection, &writer)
  }

  /// The mirror is gone; what it had counted stays.
  private func dropCore() {
    guard let live else { return }
    lost = Lost(telemetry: live.core.telemetry, metrics: live.observer.metrics, order: live.order)
    self.live = nil
  }

  private func refuseStep(_ id: UInt64, _ rejection: StepRejection, _ writer: inout JSONWriter) {
    counters.resyncs += 1
    ReplyEnvelope.write(
      id: id, error: .resync(rejection, retryAfterMs: backoff.retryAfterMs), into: &writer)
  }

  private func wasReplaced(_ id: UInt64, _ writer: inout JSONWriter) {
    if state != .replaced {
      flushCharges()
      dropCore()
      state = .replaced
    }
    ReplyEnvelope.write(id: id, error: .replaced, into: &writer)
  }

  // MARK: - Recording

  /// The next Steps go into a new segment. It keeps a copy of the core, so the next Step copies what it changes.
  private func beginSegment() {
    guard let registration, let live else { return }
    recorder.begin(
      RecordingSegment.Start(
        session: registration.session, epoch: registration.epoch, seq: live.order.lastSeq,
        isSyncing: live.order.isSyncing, atUs: clock(), policy: policy, resources: resources, limits: limits.mirror,
        core: live.core))
  }

  private func record(rejected error: StepRejection, _ message: UnsafeRawBufferPointer, _ receivedUs: Int) {
    var writer = JSONWriter()
    error.json.write(into: &writer)
    writer.bytes.withUnsafeBytes {
      recorder.record(.rejected, seq: live!.order.lastSeq + 1, atUs: receivedUs, message: message, reply: $0)
    }
  }

  /// The inputs of this connection's last Steps, oldest first.
  func recording() -> [RecordingSegment] { recorder.snapshot() }

  // MARK: - Between two Steps

  /// What the machine looks like from the next Step on.
  func publish(_ resources: ResourceSnapshot) {
    self.resources = resources
    if live != nil { recorder.record(resources, atUs: clock()) }
  }

  /// The policy from the next Step on. One that came with Register already, or is overtaken, changes nothing.
  func publish(_ policy: ActivePolicy) {
    guard policy.generation > self.policy.generation else { return }
    self.policy = live.map { policy.tailored(to: $0.core.engine.model.id) } ?? policy
    guard live != nil else { return }
    live!.setPolicy(self.policy.document.config)
    recorder.record(self.policy, atUs: clock())
  }

  /// Hands tokens charged since the last call to the tenants' counters.
  func flushCharges() {
    guard live != nil else { return }
    var charges: [(tenant: String, tokens: Int)] = []
    live!.takeCharges { charges.append(($0, $1)) }
    registry.charge(charges)
  }

  /// A bounded copy for Admin/Requests.
  func requests(limit: Int) -> (views: [RequestView], total: Int) {
    guard live != nil else { return ([], 0) }
    let counts = live!.core.counts
    return (live!.requests(limit: limit), counts.running + counts.waiting)
  }

  var telemetry: Telemetry? { live?.core.telemetry }
}

extension EngineSession {
  /// A copy for Admin/Status; nil without a session.
  func view(peer: PeerCredentials?) -> SessionView? {
    guard let registration else { return nil }
    return SessionView(
      registration: registration, state: (registration.mark.isReplaced ? State.replaced : state).rawValue,
      seq: live?.order.lastSeq ?? lost.order.lastSeq,
      counts: live?.core.counts ?? StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0),
      freeBlocks: live?.core.freeBlocks ?? [], counters: counters, telemetry: telemetry ?? lost.telemetry,
      decisions: live?.observer.metrics ?? lost.metrics, groups: live?.groupViews() ?? [], peer: peer)
  }
}
