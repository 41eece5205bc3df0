/// By which means a victim gives way, and what the means were expected to cost.
struct PreemptionChoice: Hashable, Sendable {
  var verb: PlannedStep.Verb.Kind
  var toSSD = false
  /// Expected GPU time to compute it again, in microseconds.
  var recomputeUs: Int
  /// Expected time of the cheapest copy out and back, in microseconds; nil where it cannot be copied.
  var copyUs: Int?
  /// Of the means that was chosen, in microseconds.
  var costUs: Int
}
