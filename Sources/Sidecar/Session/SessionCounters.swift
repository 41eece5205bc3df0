/// What a session counts beside the core's telemetry.
struct SessionCounters {
  var steps = 0
  var plans = 0
  var resyncs = 0
  var deadlineExceeded = 0
  var cancelled = 0
  var violations = 0
}
