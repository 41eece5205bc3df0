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
  private var core: SchedulerCore?
  private var policy: ActivePolicy
  private var order = StepOrder(epoch: 0)
  private var recorder: StepRecorder
  private var observer: RequestObserver
  /// What the mirrors that were dropped had counted since Register.
  private var lostTelemetry = Telemetry()
  private var backoff = ResyncBackoff()
  private let codec: StepCodec
  private var delta = StepDelta()
  private var plan = StepPlan()

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
    observer = RequestObserver(policy: policy.document.config)
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
    core = SchedulerCore(engine: engine, policy: policy.document.config, limits: limits.mirror)
    self.registration = registration
    backoff = registry.backoff(of: registration.rank)
    order = StepOrder(epoch: registration.epoch)
    counters = SessionCounters(resyncs: counters.resyncs, earlierResyncs: counters.resyncs)
    observer = RequestObserver(policy: policy.document.config)
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
    guard let mark = registration?.mark else {
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
    registry.metrics.close(registration.engine, counters, telemetry ?? lostTelemetry, observer.metrics)
    self.registration = nil
    core = nil
    lostTelemetry = Telemetry()
    state = .empty
  }

  // MARK: - Step

  /// Answers one Step. Everything on this path is synchronous and allocates nothing per request.
  /// - Parameters:
  ///   - message: bytes of the Step's message.
  ///   - receivedUs: when the frame was complete, by `clock`.
  ///   - isCancelled: whether a cancel frame for this call has arrived meanwhile.
  func step(
    id: UInt64, timeoutUs: Int?, message: UnsafeRawBufferPointer, receivedUs: Int, isCancelled: () -> Bool,
    into writer: inout JSONWriter
  ) {
    guard let mark = registration?.mark else {
      return refuseStep(
        id, StepRejection(field: "/epoch", reason: "no session on this connection; Register first"), &writer)
    }
    guard !mark.isReplaced else { return wasReplaced(id, &writer) }
    guard state != .lost else {
      return refuseStep(id, StepRejection(field: "", reason: "the mirror is gone; Register first"), &writer)
    }
    guard mark.beginStep() else { return wasReplaced(id, &writer) }
    defer { observer.didAnswer(inUs: clock() - receivedUs) }
    if recorder.isSegmentFull { beginSegment() }
    do throws(StepRejection) {
      // Over before anything else happens: whoever replaces this session waits for it with the registry's lock held.
      defer { mark.endStep() }
      try apply(message, mark)
    } catch {
      record(rejected: error, message, receivedUs)
      return lose(id, error, &writer)
    }
    if delta.sync { return reply(id, plan: nil, message, receivedUs, &writer) }
    state = .live
    core!.plan(resources: resources, into: &plan)
    observer.didPlan(plan, core!)
    counters.plans += 1
    if let violation = planCheck?(core!, plan) {
      record(dropped: .withheld, message, receivedUs)
      return dropViolating(id, violation, &writer)
    }
    // A plan takes a microsecond at least, so a timeout of 1 is always over.
    if let timeoutUs, max(1, clock() - receivedUs) >= timeoutUs {
      counters.deadlineExceeded += 1
      record(dropped: .late, message, receivedUs)
      return drop(id, .deadlineExceeded, &writer)
    }
    if isCancelled() {
      counters.cancelled += 1
      record(dropped: .cancelled, message, receivedUs)
      return drop(id, .cancelled, &writer)
    }
    reply(id, plan: plan, message, receivedUs, &writer)
  }

  private func apply(_ message: UnsafeRawBufferPointer, _ mark: SessionMark) throws(StepRejection) {
    try codec.decode(message, into: &delta)
    try order.check(delta)
    observer.willApply(delta, core!)
    try core!.apply(delta)
    order.accept(delta)
    mark.setApplied(epoch: order.epoch, seq: order.lastSeq)
    counters.steps += 1
    backoff.stepCounted()
    observer.didApply(delta, core!)
  }

  private func reply(
    _ id: UInt64, plan: StepPlan?, _ message: UnsafeRawBufferPointer, _ receivedUs: Int, _ writer: inout JSONWriter
  ) {
    var start = 0
    var end = 0
    ReplyEnvelope.write(id: id, into: &writer) {
      start = $0.bytes.count
      StepReplyCodec.encode(epoch: delta.epoch, seq: delta.seq, plan: plan, into: &$0)
      end = $0.bytes.count
    }
    writer.bytes.withUnsafeBytes {
      recorder.record(
        plan == nil ? .sync : .planned, seq: delta.seq, atUs: receivedUs, message: message,
        reply: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
    }
  }

  private func drop(_ id: UInt64, _ code: StatusCode, _ writer: inout JSONWriter) {
    core!.dropPlan()
    ReplyEnvelope.write(id: id, error: .planDropped(code, epoch: delta.epoch, seq: delta.seq), into: &writer)
  }

  /// A plan that breaks an invariant never leaves: it is our bug, and the engine's own scheduler serves meanwhile.
  private func dropViolating(_ id: UInt64, _ violation: String, _ writer: inout JSONWriter) {
    core!.dropPlan()
    counters.violations += 1
    log.error("plan violates an invariant", metadata: ["violation": "\(violation)", "seq": "\(delta.seq)"])
    ReplyEnvelope.write(
      id: id,
      error: CallError(
        .internalError, "applied, plan withheld: \(violation)",
        details: ["epoch": JSONValue(delta.epoch), "seq": JSONValue(delta.seq), "reason": "INVARIANT"]),
      into: &writer)
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
    if let core { lostTelemetry = core.telemetry }
    core = nil
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
    guard let registration, let core else { return }
    recorder.begin(
      RecordingSegment.Start(
        session: registration.session, epoch: registration.epoch, seq: order.lastSeq, isSyncing: order.isSyncing,
        atUs: clock(), policy: policy, resources: resources, limits: limits.mirror, core: core))
  }

  private func record(dropped outcome: StepOutcome, _ message: UnsafeRawBufferPointer, _ receivedUs: Int) {
    recorder.record(
      outcome, seq: delta.seq, atUs: receivedUs, message: message, reply: UnsafeRawBufferPointer(start: nil, count: 0))
  }

  private func record(rejected error: StepRejection, _ message: UnsafeRawBufferPointer, _ receivedUs: Int) {
    var writer = JSONWriter()
    error.json.write(into: &writer)
    writer.bytes.withUnsafeBytes {
      recorder.record(.rejected, seq: order.lastSeq + 1, atUs: receivedUs, message: message, reply: $0)
    }
  }

  /// The inputs of this connection's last Steps, oldest first.
  func recording() -> [RecordingSegment] { recorder.snapshot() }

  // MARK: - Between two Steps

  /// What the machine looks like from the next Step on.
  func publish(_ resources: ResourceSnapshot) {
    self.resources = resources
    if core != nil { recorder.record(resources, atUs: clock()) }
  }

  /// The policy from the next Step on. One that came with Register already, or is overtaken, changes nothing.
  func publish(_ policy: ActivePolicy) {
    guard policy.generation > self.policy.generation else { return }
    self.policy = core.map { policy.tailored(to: $0.engine.model.id) } ?? policy
    guard core != nil else { return }
    core!.setPolicy(self.policy.document.config)
    observer.setPolicy(self.policy.document.config)
    recorder.record(self.policy, atUs: clock())
  }

  /// Hands tokens charged since the last call to the tenants' counters.
  func flushCharges() {
    guard core != nil else { return }
    var charges: [(tenant: String, tokens: Int)] = []
    core!.takeCharges { charges.append(($0, $1)) }
    registry.charge(charges)
  }

  /// A bounded copy for Admin/Requests.
  func requests(limit: Int) -> (views: [RequestView], total: Int) {
    guard core != nil else { return ([], 0) }
    return (core!.requests(limit: limit), core!.counts.running + core!.counts.waiting)
  }

  /// Waiting requests by group, and how long each would wait.
  private func groups() -> [GroupView] { core == nil ? [] : core!.groupViews() }

  /// Epoch and seq of the last Step that counted.
  var position: (epoch: UInt64, seq: UInt64) { (registration?.epoch ?? 0, order.lastSeq) }

  var telemetry: Telemetry? { core?.telemetry }
  var counts: StepDelta.Check? { core?.counts }
}

extension EngineSession {
  /// A copy for Admin/Status; nil without a session.
  func view(peer: PeerCredentials?) -> SessionView? {
    guard let registration else { return nil }
    return SessionView(
      registration: registration, state: (registration.mark.isReplaced ? State.replaced : state).rawValue,
      seq: position.seq,
      counts: counts ?? StepDelta.Check(running: 0, waiting: 0, blocked: 0, computed: 0, output: 0),
      freeBlocks: core?.freeBlocks ?? [], counters: counters, telemetry: telemetry ?? lostTelemetry,
      decisions: observer.metrics, groups: groups(), peer: peer)
  }
}
