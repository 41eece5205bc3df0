/// What a policy is for (`need` in the file): names the caps that its settings are held against, and the column of the
/// scorecard that the preset of the same name is judged by (Docs/policies.md).
public enum PolicyNeed: String, CaseIterable, Hashable, Sendable {
  case latency, throughput, cost, fairness, balanced
}
