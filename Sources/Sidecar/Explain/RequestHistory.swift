import SchedulerCore

/// The life of one request, read from a replay: nothing of it is kept while Steps are served.
struct RequestHistory {
  /// Transitions kept; the oldest go first.
  static let eventLimit = 200

  let wanted: String
  private(set) var handle: RequestHandle?
  private(set) var events: [RequestEvent] = []
  private(set) var forgottenEvents = 0
  /// As of the last Step with it.
  private(set) var last: Request?
  private(set) var className = ""
  private(set) var tenant = ""
  private(set) var finishedWhy: String?
  private var before: Request?

  /// - Parameter wanted: id of a request.
  init(wanted: String) { self.wanted = wanted }

  var isKnown: Bool { handle != nil }

  /// Looks whether the request is in the mirror that a segment starts from.
  mutating func open(_ core: SchedulerCore) {
    guard handle == nil else { return }
    var core = core
    let limit = core.counts.running + core.counts.waiting
    guard let view = core.requests(limit: limit).first(where: { $0.id == wanted }) else { return }
    take(view.h, core)
  }

  private mutating func take(_ handle: RequestHandle, _ core: SchedulerCore) {
    self.handle = handle
    finishedWhy = nil
    guard let request = core.request(handle) else { return }
    last = request
    className = core.name(request.className)
    tenant = core.name(request.tenant)
  }

  /// Before the plan: the mirror is as the engine told.
  mutating func willPlan(_ replayer: Replayer) {
    let delta = replayer.delta
    if let index = delta.arrived.id.firstIndex(of: wanted) {
      take(delta.arrived.h[index], replayer.core)
      add(
        .arrived, replayer,
        "arrived: \(delta.arrived.prompt[index]) prompt tokens, at most \(delta.arrived.maxOutput[index]) more, "
          + "class \(className), tenant \(tenant)")
    }
    guard let handle, finishedWhy == nil else { return }
    guard let request = replayer.core.request(handle) else { return end(delta, replayer) }
    compare(request, delta, replayer)
    last = request
    before = request
  }

  private mutating func end(_ delta: StepDelta, _ replayer: Replayer) {
    let index = delta.removed.firstIndex(of: handle ?? 0)
    let why = index.map { delta.removedWhy[$0].rawValue } ?? "gone"
    finishedWhy = why
    add(.finished, replayer, "ended: \(why), with \(last?.outputTokens ?? 0) output tokens")
  }

  private mutating func compare(_ request: Request, _ delta: StepDelta, _ replayer: Replayer) {
    guard let before, before.isSame(as: request.handle) else { return }
    if request.isBlocked != before.isBlocked {
      add(
        request.isBlocked ? .blocked : .ready, replayer,
        request.isBlocked ? "blocked: waits for something else than the scheduler" : "ready to be scheduled again")
    }
    if before.outputTokens == 0, request.outputTokens > 0 { add(.firstToken, replayer, "first output token") }
    if before.isRunning, !request.isRunning, events.last?.kind != .preempted {
      add(.enginePreempted, replayer, "preempted by the engine itself")
    }
  }

  /// After the plan: what it says about the request, or who was ahead of it.
  mutating func didPlan(_ replayer: Replayer) {
    guard let handle, finishedWhy == nil, let request = replayer.core.request(handle), !request.isBlocked else {
      return
    }
    let plan = replayer.plan
    let reason = plan.reasons.last { $0.h == handle }?.reason
    if let item = plan.run.first(where: { $0.h == handle }) {
      planned(item, request, reason, replayer)
    } else if plan.requeue.contains(handle) || plan.swapCPU.contains(handle) || plan.swapSSD.contains(handle) {
      add(.preempted, replayer, reason)
    } else if request.isRunning {
      guard !plan.decodesAll || plan.pause.contains(handle) || reason != nil else { return }
      add(.paused, replayer, reason)
    } else {
      passedOver(handle, reason, replayer)
    }
  }

  private mutating func planned(
    _ item: StepPlan.Item, _ request: Request, _ reason: Reason?, _ replayer: Replayer
  ) {
    let isPart = item.n - item.k < request.uncachedTokens
    if !request.isRunning {
      let again = request.requeueSerial > 0 ? "resumed" : "admitted"
      add(
        request.requeueSerial > 0 ? .resumed : .admitted, replayer,
        "\(again) with \(item.n) of \(request.uncachedTokens) tokens", reason)
    } else if isPart {
      add(.chunked, replayer, "\(item.n) more tokens of its prompt, \(request.remainingTokens - item.n) left", reason)
    }
  }

  /// The plan names one binding constraint, that of the first request it passed over; everybody behind it waits for it.
  private mutating func passedOver(_ handle: RequestHandle, _ reason: Reason?, _ replayer: Replayer) {
    if let reason { return add(.passedOver, replayer, reason) }
    guard let binding = replayer.core.binding else {
      return add(.passedOver, replayer, "passed over: the iteration ended before its turn")
    }
    var event = event(.passedOver, replayer, ReasonText.text(binding.reason.code, binding.reason.number))
    event.code = binding.reason.code
    event.number = binding.reason.number
    if binding.h != handle { event.behind = "handle \(binding.h)" }
    append(event)
  }

  // MARK: - Events

  private mutating func add(_ kind: RequestEvent.Kind, _ replayer: Replayer, _ reason: Reason?) {
    add(kind, replayer, reason.map { ReasonText.text($0.code, $0.number) } ?? kind.rawValue, reason)
  }

  private mutating func add(
    _ kind: RequestEvent.Kind, _ replayer: Replayer, _ text: String, _ reason: Reason? = nil
  ) {
    var event = event(kind, replayer, text)
    event.code = reason?.code ?? ""
    event.number = reason?.number ?? 0
    append(event)
  }

  private func event(_ kind: RequestEvent.Kind, _ replayer: Replayer, _ text: String) -> RequestEvent {
    RequestEvent(
      kind, seq: replayer.delta.seq, ageUs: Int(replayer.core.nowUs &- (last?.arrivalUs ?? replayer.core.nowUs)),
      text: text)
  }

  private mutating func append(_ event: RequestEvent) {
    if let index = events.indices.last, events[index].isRepeated(by: event) {
      events[index].lastSeq = event.seq
      events[index].lastAgeUs = event.ageUs
      events[index].steps += 1
      events[index].number = event.number
      events[index].behind = event.behind
      events[index].text = event.text
      return
    }
    events.append(event)
    guard events.count > Self.eventLimit else { return }
    events.removeFirst()
    forgottenEvents += 1
  }
}
