/// Every metric that the sidecar exports: name, type, labels and meaning. Docs/metrics.md is this table; a test
/// compares them. Names are for ever: dashboards and alerts query them.
public enum MetricFamily: String, CaseIterable, Sendable {
  // The sidecar
  case buildInfo = "coxswain_build_info"
  case startTime = "coxswain_start_time_seconds"
  case healthServing = "coxswain_serving"
  case draining = "coxswain_draining"
  case sessions = "coxswain_sessions"
  case tenants = "coxswain_tenants"
  case series = "coxswain_metrics_series"
  case recordedBytes = "coxswain_recorded_bytes"
  // Policy
  case policyInfo = "coxswain_policy_info"
  case policyGeneration = "coxswain_policy_generation"
  case policyUpdates = "coxswain_policy_updates_total"
  case policyUpdateFailed = "coxswain_policy_last_update_failed"
  // Each engine
  case running = "coxswain_requests_running"
  case waiting = "coxswain_requests_waiting"
  case blocked = "coxswain_requests_blocked"
  case kvFree = "coxswain_kv_blocks_free"
  case kvTotal = "coxswain_kv_blocks"
  case steps = "coxswain_steps_total"
  case plans = "coxswain_plans_total"
  case plansLaunched = "coxswain_plans_launched_total"
  case fallbackSteps = "coxswain_fallback_steps_total"
  case resyncs = "coxswain_resyncs_total"
  case latePlans = "coxswain_late_plans_total"
  case cancelledPlans = "coxswain_cancelled_plans_total"
  case withheldPlans = "coxswain_withheld_plans_total"
  case plannedTokens = "coxswain_planned_tokens_total"
  case executedTokens = "coxswain_executed_tokens_total"
  case draftedTokens = "coxswain_drafted_tokens_total"
  case acceptedTokens = "coxswain_accepted_tokens_total"
  case preemptions = "coxswain_preemptions_total"
  case enginePreemptions = "coxswain_engine_preemptions_total"
  case iterations = "coxswain_iterations_total"
  case iterationSeconds = "coxswain_iteration_seconds_total"
  case clockStepsBack = "coxswain_clock_steps_back_total"
  // Groups of requests
  case groupWaiting = "coxswain_group_requests_waiting"
  case groupWait = "coxswain_group_wait_seconds"
  case groupWaitMost = "coxswain_group_wait_most_seconds"
  // Decisions
  case stepDuration = "coxswain_step_duration_seconds"
  case exceptions = "coxswain_plan_exceptions_total"
  case reasons = "coxswain_plan_reasons_total"
  // Scorecard
  case arrived = "coxswain_requests_arrived_total"
  case finished = "coxswain_requests_finished_total"
  case withinSLO = "coxswain_requests_within_slo_total"
  case upgrades = "coxswain_upgrades_total"
  case upgradeReturns = "coxswain_upgrade_returns_total"
  case queueWait = "coxswain_queue_wait_seconds"
  case timeToFirstToken = "coxswain_time_to_first_token_seconds"
  case timePerOutputToken = "coxswain_time_per_output_token_seconds"
  case requestDuration = "coxswain_request_duration_seconds"
  // Probes
  case resourceLeaves = "coxswain_resource_leaves"
  case resourceGeneration = "coxswain_resource_generation"
  case resourceAge = "coxswain_resource_age_seconds"
  case memoryHeadroom = "coxswain_memory_headroom_bytes"
  case memoryLevel = "coxswain_memory_level"
  case pressure = "coxswain_pressure_ratio"
  // Model-server protocol
  case modelServerWaiting = "vllm:num_requests_waiting"
  case modelServerRunning = "vllm:num_requests_running"
  case modelServerKV = "vllm:kv_cache_usage_perc"

  public var kind: MetricKind {
    switch self {
    case .stepDuration, .queueWait, .timeToFirstToken, .timePerOutputToken, .requestDuration: .histogram
    default: rawValue.hasSuffix("_total") ? .counter : .gauge
    }
  }

  /// Names of its labels, in order.
  public var labels: [String] {
    switch self {
    case .buildInfo: ["version"]
    case .sessions: ["state"]
    case .policyInfo: ["name"]
    case .policyUpdates: ["source", "result"]
    case .running, .waiting, .blocked, .kvFree, .kvTotal, .steps, .plans, .plansLaunched, .fallbackSteps, .resyncs,
      .latePlans, .cancelledPlans, .withheldPlans, .plannedTokens, .executedTokens, .draftedTokens, .acceptedTokens,
      .preemptions, .enginePreemptions, .iterations, .iterationSeconds, .clockStepsBack:
      ["server"]
    case .groupWaiting, .groupWait, .groupWaitMost: ["server", "class", "adapter"]
    case .exceptions: ["cause"]
    case .reasons: ["reason"]
    case .arrived, .finished, .upgrades, .upgradeReturns, .queueWait, .timeToFirstToken, .timePerOutputToken,
      .requestDuration:
      ["class"]
    case .withinSLO: ["class", "slo"]
    case .resourceLeaves: ["status"]
    case .memoryLevel: ["level"]
    case .pressure: ["resource", "kind"]
    case .modelServerWaiting, .modelServerRunning, .modelServerKV: ["model_name"]
    case .startTime, .healthServing, .draining, .tenants, .series, .recordedBytes, .policyGeneration,
      .policyUpdateFailed, .stepDuration, .resourceGeneration, .resourceAge, .memoryHeadroom:
      []
    }
  }
}
