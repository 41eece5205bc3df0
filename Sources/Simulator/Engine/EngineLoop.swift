/// One seeded discrete-event loop over the instances of a run: arrivals are routed in order of time, each instance
/// takes its Steps when they are due, KV moves from prefill to decode instances, scripted events strike. Ties go to
/// events, then arrivals, then the lower instance.
struct EngineLoop {
  var engines: [ReferenceEngine]
  private var workload: any Workload
  /// Models by index, for each instance.
  private let models: [Int]
  private var router: any Router
  /// Of KV between instances.
  private let transferBytesPerS: Double
  /// Divides roles while the run lasts; nil: they stay as they are.
  private(set) var division: RoleDivision?
  private var events: ArraySlice<ScriptedEvent>
  private var upcoming: WorkloadRequest?
  /// Requests whose KV is on its way, soonest first.
  private var transfers: [EngineArrival] = []
  private var nowUs: Int64 = 0

  init(
    engines: [ReferenceEngine], workload: any Workload, models: [Int]? = nil, router: any Router = RoundRobinRouter(),
    transferBytesPerS: Double = 0, division: RoleDivision? = nil, events: [ScriptedEvent] = []
  ) {
    self.engines = engines
    self.workload = workload
    self.models = models ?? Array(repeating: 0, count: engines.count)
    self.router = router
    self.transferBytesPerS = transferBytesPerS
    self.division = division
    self.events = events[...]
  }

  /// - Parameters:
  ///   - clock: real monotonic nanoseconds: for round trips and progress only.
  ///   - onProgress: called a few times per second of real time; returning false ends the run early.
  /// - Returns: the sum over the instances.
  mutating func run(clock: () -> Int, onProgress: (RunProgress) -> Bool) throws(EngineRunError) -> Scorecard {
    let startNs = clock()
    var nextProgressNs = startNs
    for index in engines.indices { try engines[index].register() }
    upcoming = try nextArrival()
    while try advance(clock) {
      let nowNs = clock()
      guard nowNs >= nextProgressNs else { continue }
      nextProgressNs = nowNs + Self.progressNs
      if !onProgress(progress(nowNs - startNs)) { break }
    }
    let scorecard = finish(wallUs: (clock() - startNs) / 1000)
    _ = onProgress(progress(clock() - startNs))
    return scorecard
  }

  private static let progressNs = 200_000_000

  private func progress(_ wallNs: Int) -> RunProgress {
    RunProgress(
      finishedRequests: engines.reduce(0) { $0 + $1.scorecard.requests }, totalRequests: workload.totalRequests,
      iterations: engines.reduce(0) { $0 + $1.scorecard.iterations }, virtualUs: nowUs, wallUs: wallNs / 1000)
  }

  private mutating func nextArrival() throws(EngineRunError) -> WorkloadRequest? {
    do throws(WorkloadError) { return try workload.next() } catch { throw .workload(error) }
  }

  // MARK: - One event

  /// Lets the next thing happen. False when nothing will.
  private mutating func advance(_ clock: () -> Int) throws(EngineRunError) -> Bool {
    var first = 0
    for index in engines.indices.dropFirst() where engines[index].dueUs < engines[first].dueUs { first = index }
    let stepUs = engines[first].dueUs
    let transferUs = transfers.first?.dueUs ?? .max
    let arrivalUs = min(upcoming?.arrivalUs ?? .max, transferUs)
    let workUs = min(stepUs, arrivalUs)
    guard workUs < .max else { return false }
    if let event = events.first, event.atUs <= workUs {
      events.removeFirst()
      strike(event)
    } else if transferUs <= workUs {
      try deliver(transfers.removeFirst())
    } else if let request = upcoming, request.arrivalUs <= workUs {
      upcoming = try nextArrival()
      nowUs = request.arrivalUs
      try route(EngineArrival(request), to: .prefill)
    } else {
      nowUs = stepUs
      try engines[first].step(clock)
      if !engines[first].outbox.isEmpty { try sendKV(from: first) }
      noteEnds(at: first)
      if engines[first].isStuck, upcoming == nil, transfers.isEmpty, events.isEmpty {
        throw .stuck(seq: engines[first].seq, requests: engines[first].load)
      }
    }
    return true
  }

  private mutating func noteEnds(at index: Int) {
    guard !engines[index].ended.isEmpty else { return }
    for request in engines[index].ended { division?.add(request, nowUs) }
    engines[index].ended.removeAll(keepingCapacity: true)
    guard let prefillEngines = division?.decide(nowUs) else { return }
    for index in engines.indices {
      engines[index].change(to: prefillEngines == 0 ? .both : index < prefillEngines ? .prefill : .decode)
    }
  }

  private mutating func strike(_ event: ScriptedEvent) {
    nowUs = max(nowUs, event.atUs)
    engines[event.instance].idle(until: event.atUs)
    engines[event.instance].apply(event.kind)
  }

  /// Hands a request to one of the instances that serve its model and this part of it.
  private mutating func route(_ arrival: EngineArrival, to role: EngineRole) throws(EngineRunError) {
    let target = engines.count == 1 ? 0 : try choose(arrival.work, role)
    if role == .prefill {
      division?.add(arrival.work, hitTokens: engines[target].queue.hitTokens(of: arrival.work), nowUs)
    }
    engines[target].take(arrival)
  }

  private mutating func choose(_ work: WorkloadRequest, _ role: EngineRole) throws(EngineRunError) -> Int {
    let candidates = engines.indices.filter {
      models[$0] == work.model && (engines[$0].role == .both || engines[$0].role == role)
    }
    guard !candidates.isEmpty else { throw .noInstance(model: work.model, role: role.rawValue) }
    return router.choose(
      work, among: candidates, load: { engines[$0].load },
      view: { engines[$0].view(for: work, isHandedOver: role == .decode) })
  }

  // MARK: - KV between instances

  private mutating func sendKV(from source: Int) throws(EngineRunError) {
    var outbox: [EngineArrival] = []
    swap(&outbox, &engines[source].outbox)
    for var arrival in outbox {
      let bytes = arrival.work.promptTokens * engines[source].profile.kvBytesPerToken
      let us = transferBytesPerS > 0 ? Double(bytes) / transferBytesPerS * 1_000_000 : 0
      arrival.dueUs += Int64(us.rounded(.up))
      engines[source].scorecard.addTransfer(bytes: bytes)
      // After those that are due no later.
      let place = transfers.lastIndex { $0.dueUs <= arrival.dueUs }.map { $0 + 1 } ?? 0
      transfers.insert(arrival, at: place)
    }
  }

  private mutating func deliver(_ arrival: EngineArrival) throws(EngineRunError) {
    nowUs = arrival.dueUs
    try route(arrival, to: .decode)
  }

  // MARK: - The end

  private mutating func finish(wallUs: Int) -> Scorecard {
    for index in engines.indices {
      engines[index].link.finish()
      engines[index].close()
    }
    var scorecard = engines[0].scorecard
    for engine in engines.dropFirst() { scorecard.merge(engine.scorecard) }
    scorecard.wallUs = wallUs
    if let division {
      scorecard.roleChanges = division.changes
      scorecard.prefillEngines = division.prefillEngines
    }
    return scorecard
  }

  /// The instances' timelines in one.
  var timeline: Timeline {
    var timeline = engines[0].timeline
    for engine in engines.dropFirst() { timeline.merge(engine.timeline) }
    return timeline
  }
}
