/// The members of a policy file, compared with the schema by a test.
public enum PolicyField {
  public enum Root: String, CaseIterable, Sendable {
    /// For editors only: where the schema is.
    case schema = "$schema"
    case version, preset, name, need, description, classes
    case defaultClass = "default_class"
    case tenants, queue, batch, admission, preemption, memory, speculation, models
  }

  public enum Model: String, CaseIterable, Sendable {
    case name, classes
    case defaultClass = "default_class"
    case tenants, queue, batch, admission, preemption, memory, speculation
  }

  public enum Class: String, CaseIterable, Sendable {
    case name, rank
    case ttftSLOMs = "ttft_slo_ms"
    case tpotSLOMs = "tpot_slo_ms"
    case weight
    case reservedRatio = "reserved_ratio"
    case upgradeQuota = "upgrade_quota"
    case upgradesPerSecond = "upgrades_per_second"
  }

  public enum Tenant: String, CaseIterable, Sendable { case name, weight }

  public enum Queue: String, CaseIterable, Sendable {
    case ordering
    case allocation
    case starvationBoundMs = "starvation_bound_ms"
    case quantumTokens = "quantum_tokens"
    case fairness
    case fairnessSlackTokens = "fairness_slack_tokens"
    case late
  }

  public enum Batch: String, CaseIterable, Sendable {
    case strategy
    case stepTokens = "step_tokens"
    case sequences
    case longPrefillTokens = "long_prefill_tokens"
    case chunkTileTokens = "chunk_tile_tokens"
    case budgetFrom = "budget_from"
    case sliceIterations = "slice_iterations"
    case deadlineAnchor = "deadline_anchor"
    case holdUs = "hold_us"
  }

  public enum Admission: String, CaseIterable, Sendable {
    case queueDepth = "queue_depth"
    case infeasible
    case kvHeadroomRatio = "kv_headroom_ratio"
    case reservePrompts = "reserve_prompts"
    case reservePeak = "reserve_peak"
  }

  public enum Preemption: String, CaseIterable, Sendable {
    case victimOrder = "victim_order"
    case means
    case restPlans = "rest_plans"
    case perSecond = "per_second"
  }

  public enum Memory: String, CaseIterable, Sendable {
    case watermarkRatio = "watermark_ratio"
    case eviction
  }

  public enum Speculation: String, CaseIterable, Sendable {
    case mode
    case draftTokens = "draft_tokens"
    case maxDraftTokens = "max_draft_tokens"
    case draftStepUs = "draft_step_us"
    case lossLimitRatio = "loss_limit_ratio"
    case kvFreeRatio = "kv_free_ratio"
  }
}
