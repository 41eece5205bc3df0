/// One step of the tuning list. The order is the list's: what a later step finds depends on what earlier ones chose.
public enum TuningStep: String, CaseIterable, Hashable, Sendable {
  case sloClasses = "slo_classes"
  case batchStrategy = "batch_strategy"
  case preemption = "preemption_granularity"
  case disaggregation = "disaggregation_thresholds"
  case speculation = "speculation_gate"
  case kvPaging = "kv_paging"
  case fairness = "fairness_caps"

  /// As people read it.
  public var title: String {
    switch self {
    case .sloClasses: "SLO classes"
    case .batchStrategy: "batch strategy"
    case .preemption: "preemption granularity"
    case .disaggregation: "disaggregation thresholds"
    case .speculation: "speculation gate"
    case .kvPaging: "KV paging under pressure"
    case .fairness: "fairness caps"
    }
  }

  /// What its candidates are judged by.
  func objective(_ whole: TuningObjective) -> TuningObjective {
    // A tenant that sends much is most of the traffic: taming it may not show in shares of the traffic.
    self == .fairness ? .tenants : whole
  }
}
