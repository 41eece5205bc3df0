import SchedulerCore
import WireProtocol

/// Why a request is where it is: its life so far, where it stands now, and what would bring it forward.
struct Explanation: Sendable {
  /// Waiting requests that are searched for its place.
  static let placeLimit = 10_000
  static let ahead = 3
  /// The last Steps of a recording may be sync or rejected ones, which have no plan.
  private static let keptSteps = 4

  /// - Parameters:
  ///   - wanted: a request's id, or its handle as a decimal number.
  /// - Returns: nil when no segment knows the request.
  static func make(_ wanted: String, _ segments: [RecordingSegment]) throws -> JSONValue? {
    var answer: JSONValue?
    for group in bySession(segments) {
      let id = try id(of: wanted, in: group)
      var history = RequestHistory(wanted: id)
      var final: Replayer?
      for (number, segment) in group.enumerated() {
        history.open(segment.start.core)
        var state: Replayer?
        var steps = 0
        // A copy of the core makes the next change copy its tables, so only the last ones are kept.
        let keepsFrom = number == group.count - 1 ? segment.stepCount - keptSteps : .max
        try Replayer.run(
          segment,
          beforePlan: { replayer, _ in
            history.willPlan(replayer)
            if steps >= keepsFrom { state = replayer }
          },
          onStep: { replayer, step in
            steps += 1
            if step.outcome == .sync { history.willPlan(replayer) } else { history.didPlan(replayer) }
            return true
          })
        final = state ?? final
      }
      guard history.isKnown, let final else { continue }
      answer = json(history, final, group[0].start.session)
    }
    return answer
  }

  private static func bySession(_ segments: [RecordingSegment]) -> [[RecordingSegment]] {
    var groups: [[RecordingSegment]] = []
    for segment in segments {
      if groups.last?.last?.start.session == segment.start.session {
        groups[groups.count - 1].append(segment)
      } else {
        groups.append([segment])
      }
    }
    return groups
  }

  /// A number that is no id of a tracked request is a handle.
  private static func id(of wanted: String, in segments: [RecordingSegment]) throws -> String {
    guard let handle = RequestHandle(wanted), let last = segments.last else { return wanted }
    var found: String?
    try Replayer.run(
      last, beforePlan: { _, _ in },
      onStep: { replayer, _ in
        if let index = replayer.delta.arrived.h.firstIndex(of: handle) { found = replayer.delta.arrived.id[index] }
        return true
      })
    if let found { return found }
    var core = last.start.core
    let all = core.requests(limit: core.counts.running + core.counts.waiting)
    return all.first { $0.h == handle }?.id ?? wanted
  }

  // MARK: - The document

  private static func json(_ history: RequestHistory, _ final: Replayer, _ session: String) -> JSONValue {
    let request = history.handle.flatMap { final.core.request($0) }.flatMap { history.finishedWhy == nil ? $0 : nil }
    let known = request ?? history.last
    var json: JSONObject = [
      "id": .string(history.wanted), "h": history.handle.map { JSONValue($0) } ?? nil, "session": .string(session),
      "class": .string(history.className), "tenant": .string(history.tenant),
      "state": .string(state(request, history)), "prompt": JSONValue(known?.promptTokens ?? 0),
      "max_output": JSONValue(known?.maxOutputTokens ?? 0), "computed": JSONValue(known?.computedTokens ?? 0),
      "output": JSONValue(known?.outputTokens ?? 0), "seq": JSONValue(final.delta.seq),
      "policy": .string(final.policy.document.config.name), "generation": JSONValue(final.policy.generation),
      "history": .array(history.events.map(\.json)), "forgotten_events": JSONValue(history.forgottenEvents),
    ]
    if let request { json["now"] = now(request, final) }
    return .object(json)
  }

  private static func state(_ request: Request?, _ history: RequestHistory) -> String {
    guard let request else { return "finished" }
    if request.isBlocked { return "blocked" }
    return request.isRunning ? "running" : "waiting"
  }

  private static func now(_ request: Request, _ final: Replayer) -> JSONValue {
    var core = final.core
    let policy = final.policy.document.config
    let name = core.name(request.className)
    let objective = policy.classes.first { $0.name == name } ?? policy.classes.first { $0.name == policy.defaultClass }
    let ttftMs = request.ttftSLOMs > 0 ? request.ttftSLOMs : objective?.ttftSLOMs ?? 0
    let ageUs = Int(core.nowUs &- request.arrivalUs)
    var now: JSONObject = ["age_us": JSONValue(ageUs), "ttft_slo_ms": JSONValue(ttftMs)]
    if request.outputTokens == 0 { now["slack_us"] = JSONValue(ttftMs * 1000 - ageUs) }
    guard !request.isRunning, !request.isBlocked else { return .object(now) }
    let waiting = core.requests(limit: core.counts.running + placeLimit).filter { !$0.running && !$0.blocked }
    if let place = waiting.firstIndex(where: { $0.h == request.handle }) {
      now["ahead"] = JSONValue(place)
      now["ahead_tokens"] = JSONValue(waiting[..<place].reduce(0) { $0 + $1.promptTokens - $1.computedTokens })
      now["next_ahead"] = .array(waiting[..<place].suffix(ahead).map { .string($0.id) })
    }
    if let wait = core.waitEstimate(request.handle) {
      now["wait_us"] = JSONValue(wait.meanUs)
      now["wait_most_us"] = JSONValue(wait.boundUs)
    }
    if let binding = core.binding {
      now["binding"] = [
        "h": JSONValue(binding.h), "reason": .string(binding.reason.code), "number": JSONValue(binding.reason.number),
        "text": .string(ReasonText.text(binding.reason.code, binding.reason.number)),
      ]
    }
    now["would_run_next"] = .array(
      Counterfactual.tried(for: request.handle, in: final.core, final.resources).map(\.json))
    return .object(now)
  }
}
