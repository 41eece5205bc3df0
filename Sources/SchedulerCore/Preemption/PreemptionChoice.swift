/// By which means a victim gives way, and what the means were expected to cost.
struct PreemptionChoice: Hashable, Sendable {
  var verb: PlannedStep.Verb.Kind
  var toSSD = false
  /// Computed tokens that stay, where only the tail goes.
  var keepTokens = 0
  /// Expected GPU time to compute all of it again, in microseconds.
  var recomputeUs: Int
  /// Expected time of the cheapest copy out and back, in microseconds; nil where it cannot be copied.
  var copyUs: Int?
  /// Of the means that was chosen, in microseconds.
  var costUs: Int
}
