import SchedulerCore

/// Counters of one engine's sessions together: they outlive each of them.
struct EngineTotals: Sendable {
  var counters = SessionCounters()
  var telemetry = Telemetry()

  /// In the order of the families that `samples` fills.
  mutating func add(_ counters: SessionCounters, _ telemetry: Telemetry) {
    self.counters.add(counters)
    self.telemetry.add(telemetry)
  }

  var values: [(MetricFamily, Double)] {
    [
      (.steps, Double(counters.steps)), (.plans, Double(counters.plans)),
      (.plansLaunched, Double(telemetry.plansLaunched)), (.fallbackSteps, Double(telemetry.fallbackSteps)),
      (.resyncs, Double(counters.resyncs)), (.latePlans, Double(counters.deadlineExceeded)),
      (.cancelledPlans, Double(counters.cancelled)), (.withheldPlans, Double(counters.violations)),
      (.plannedTokens, Double(telemetry.plannedTokens)), (.executedTokens, Double(telemetry.executedTokens)),
      (.draftedTokens, Double(telemetry.draftedTokens)), (.acceptedTokens, Double(telemetry.acceptedTokens)),
      (.preemptions, Double(telemetry.plannedPreemptions)), (.enginePreemptions, Double(telemetry.enginePreemptions)),
      (.iterations, Double(telemetry.settledPlans)), (.iterationSeconds, Double(telemetry.settledElapsedUs) / 1e6),
      (.clockStepsBack, Double(telemetry.clockStepsBack)),
    ]
  }
}
