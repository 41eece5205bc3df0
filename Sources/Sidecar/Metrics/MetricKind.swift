/// Types of the Prometheus text format.
public enum MetricKind: String, CaseIterable, Sendable {
  case counter, gauge, histogram
}
