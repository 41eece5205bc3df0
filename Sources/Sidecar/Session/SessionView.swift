import SchedulerCore
import WireProtocol

/// One session as Admin/Status shows it: a copy made on the session's own loop between two Steps.
struct SessionView: Sendable {
  var registration: SessionRegistration
  var state: String
  var seq: UInt64
  var counts: StepDelta.Check
  /// Of each pool, as the engine last said; empty without a mirror.
  var freeBlocks: [Int]
  var counters: SessionCounters
  var telemetry: Telemetry
  var decisions: DecisionMetrics
  /// Requests by model and objective; empty without a mirror.
  var groups: [GroupView]
  var peer: PeerCredentials?

  var json: JSONValue {
    var exceptions = JSONObject()
    for cause in StepDelta.ExceptionCause.allCases where telemetry.exceptions[cause.index] > 0 {
      exceptions[cause.rawValue] = JSONValue(telemetry.exceptions[cause.index])
    }
    let engine = registration.engine
    return [
      "session": .string(registration.session), "server_id": .string(engine.serverID),
      "dp_rank": JSONValue(engine.dpRank), "engine": .string(engine.name),
      "engine_version": .string(engine.version), "model": .string(engine.model.id),
      "peer_pid": peer.map { JSONValue($0.pid) } ?? .null, "peer_uid": peer.map { JSONValue($0.uid) } ?? .null,
      "state": .string(state), "epoch": JSONValue(registration.epoch), "seq": JSONValue(seq),
      "running": JSONValue(counts.running), "waiting": JSONValue(counts.waiting),
      "blocked": JSONValue(counts.blocked), "kv_free_blocks": .array(freeBlocks.map { JSONValue($0) }),
      "kv_total_blocks": .array(engine.model.pools.map { JSONValue($0.blocks) }),
      "steps": JSONValue(counters.steps), "plans": JSONValue(counters.plans),
      "plans_launched": JSONValue(telemetry.plansLaunched), "fallbacks": JSONValue(telemetry.fallbackSteps),
      "resyncs": JSONValue(counters.resyncs), "deadline_exceeded": JSONValue(counters.deadlineExceeded),
      "cancelled": JSONValue(counters.cancelled), "withheld_plans": JSONValue(counters.violations),
      "planned_tokens": JSONValue(telemetry.plannedTokens), "executed_tokens": JSONValue(telemetry.executedTokens),
      "step_p50_us": decisions.stepDuration.bound(ofShare: 0.5).map { JSONValue($0) } ?? nil,
      "step_p99_us": decisions.stepDuration.bound(ofShare: 0.99).map { JSONValue($0) } ?? nil,
      "drafted_tokens": JSONValue(telemetry.draftedTokens), "accepted_tokens": JSONValue(telemetry.acceptedTokens),
      "preemptions": JSONValue(telemetry.plannedPreemptions),
      "engine_preemptions": JSONValue(telemetry.enginePreemptions), "exceptions": .object(exceptions),
      "groups": .array(groups.map(\.json)),
    ]
  }
}
