/// What a need calls for avoiding, as a number with a name. Beyond it a policy is valid and warned of.
public enum PolicyCap: String, CaseIterable, Hashable, Sendable {
  /// Tokens of one iteration where neither deadlines nor slack bound it: a long iteration delays every stream in it.
  case latencyStepTokens = "latency_step_tokens"
  /// Preemptions in one second: what is preempted is computed twice.
  case throughputPreemptionsPerSecond = "throughput_preemptions_per_second"
  /// Preemptions in one second where they copy KV out: copies take bandwidth and produce nothing.
  case costSwapsPerSecond = "cost_swaps_per_second"
  /// Tenants under an order that does not know them: one that sends much takes everything.
  case tenantsWithoutTurns = "tenants_without_turns"

  public var limit: Int {
    switch self {
    case .latencyStepTokens: 2_048
    case .throughputPreemptionsPerSecond: 5
    case .costSwapsPerSecond: 2
    case .tenantsWithoutTurns: 1
    }
  }
}
