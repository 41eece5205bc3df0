/// What became of a candidate.
public enum TuningVerdict: Hashable, Sendable {
  /// Better by the margin; the best of these is taken.
  case better
  case notBetter
  case costsClass(String, loss: Double)
  /// Of the weighted share within SLO.
  case costsShare(Double)
  /// The run failed: no engine should meet such a policy.
  case failed(String)

  /// As `-o json` has it.
  public var word: String {
    switch self {
    case .better: "better"
    case .notBetter: "not_better"
    case .costsClass: "costs_a_class"
    case .costsShare: "costs_the_whole"
    case .failed: "failed"
    }
  }
}
