import SchedulerCore

extension Telemetry {
  /// The sums that metrics show.
  mutating func add(_ other: Telemetry) {
    plansLaunched &+= other.plansLaunched
    fallbackSteps &+= other.fallbackSteps
    plannedTokens &+= other.plannedTokens
    executedTokens &+= other.executedTokens
    draftedTokens &+= other.draftedTokens
    acceptedTokens &+= other.acceptedTokens
    plannedPreemptions &+= other.plannedPreemptions
    enginePreemptions &+= other.enginePreemptions
    settledPlans &+= other.settledPlans
    settledElapsedUs &+= other.settledElapsedUs
    clockStepsBack &+= other.clockStepsBack
    for index in exceptions.indices { exceptions[index] &+= other.exceptions[index] }
  }
}
