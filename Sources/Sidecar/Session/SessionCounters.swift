/// What a session counts beside the core's telemetry.
struct SessionCounters: Sendable {
  var steps = 0
  var plans = 0
  var resyncs = 0
  var deadlineExceeded = 0
  var cancelled = 0
  var violations = 0
  /// RESYNCs of earlier sessions on this connection, part of `resyncs`.
  var earlierResyncs = 0

  mutating func add(_ other: SessionCounters) {
    steps &+= other.steps
    plans &+= other.plans
    resyncs &+= other.resyncs &- other.earlierResyncs
    deadlineExceeded &+= other.deadlineExceeded
    cancelled &+= other.cancelled
    violations &+= other.violations
  }
}
