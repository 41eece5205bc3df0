import SchedulerCore
import WireProtocol

/// The requests that a recording saw, as a workload: when they came, how long they were, and how long their answers
/// became.
public struct RecordedTraffic: Sendable {
  public struct Request: Hashable, Sendable {
    public var id: String
    public var tenant: String
    public var className: String
    /// By the engine's clock, in microseconds.
    public var arrivalUs: Int64
    public var promptTokens: Int
    public var outputTokens: Int
    /// It had not ended: its answer is taken as long as it was by then, and at least as long as the mean of the others.
    public var isGuessed: Bool
  }

  /// In order of arrival.
  public private(set) var requests: [Request] = []
  public private(set) var engine: EngineDescription?

  /// Of the session that was recorded last.
  public init(_ recording: Recording) throws(ReplayDifference) {
    guard let session = recording.segments.last?.start.session else { return }
    var open: [RequestHandle: Request] = [:]
    for segment in recording.segments where segment.start.session == session {
      engine = segment.start.core.engine
      if requests.isEmpty, open.isEmpty { Self.take(segment.start.core, into: &open) }
      var ended: [Request] = []
      var known = open
      try Replayer.run(
        segment, beforePlan: { replayer, _ in Self.follow(replayer, &known, &ended) },
        onStep: { replayer, step in
          if step.outcome == .sync { Self.follow(replayer, &known, &ended) }
          return true
        })
      open = known
      requests += ended
    }
    let mean = requests.isEmpty ? 1 : requests.reduce(0) { $0 + $1.outputTokens } / requests.count
    for var request in open.values {
      request.outputTokens = max(1, request.outputTokens, mean)
      request.isGuessed = true
      requests.append(request)
    }
    requests.sort { ($0.arrivalUs, $0.id) < ($1.arrivalUs, $1.id) }
  }

  /// Requests that were there when the recording begins.
  private static func take(_ core: SchedulerCore, into open: inout [RequestHandle: Request]) {
    var core = core
    for view in core.requests(limit: core.counts.running + core.counts.waiting) {
      open[view.h] = Request(
        id: view.id, tenant: view.tenant, className: view.className, arrivalUs: core.nowUs &- view.ageUs,
        promptTokens: view.promptTokens, outputTokens: view.outputTokens, isGuessed: false)
    }
  }

  private static func follow(_ replayer: Replayer, _ open: inout [RequestHandle: Request], _ ended: inout [Request]) {
    let delta = replayer.delta
    let core = replayer.core
    for handle in delta.removed {
      guard var request = open.removeValue(forKey: handle) else { continue }
      request.outputTokens = max(1, request.outputTokens)
      ended.append(request)
    }
    let arrived = delta.arrived
    for index in arrived.h.indices {
      open[arrived.h[index]] = Request(
        id: arrived.id[index], tenant: core.name(Int32(arrived.tenant[index])),
        className: core.name(Int32(arrived.requestClass[index])), arrivalUs: core.nowUs &- arrived.ageUs[index],
        promptTokens: arrived.prompt[index], outputTokens: 0, isGuessed: false)
    }
    // Who runs is in the plan before or in the state that was sent; a walk over the plan is enough.
    for item in replayer.plan.run {
      if let current = core.request(item.h) { open[item.h]?.outputTokens = current.outputTokens }
    }
  }
}
