import SchedulerCore
import WireProtocol

extension PolicyDocument {
  /// The same policy with every member stated: a valid policy file that depends on no preset.
  public var effective: JSONValue {
    var file: JSONObject = ["version": JSONValue(PolicyLimits.version), "name": .string(config.name)]
    file["need"] = need.map { .string($0.rawValue) }
    file["description"] = json["description"]
    file["classes"] = .array(config.classes.map(Self.json))
    file["default_class"] = .string(config.defaultClass)
    file["tenants"] = .array(config.tenants.map { ["name": .string($0.name), "weight": JSONValue($0.weight)] })
    file["queue"] = [
      "ordering": .string(config.ordering.rawValue), "allocation": .string(config.allocation.rawValue),
      "starvation_bound_ms": config.starvationBoundMs.map { JSONValue($0) } ?? .null,
      "quantum_tokens": JSONValue(config.quantumTokens), "fairness": .string(config.fairness.rawValue),
      "fairness_slack_tokens": config.fairnessSlackTokens.map { JSONValue($0) } ?? .null,
      "late": .string(config.late.rawValue),
    ]
    file["batch"] = [
      "strategy": .string(config.batchStrategy.rawValue),
      "step_tokens": config.stepTokens.map { JSONValue($0) } ?? .null,
      "sequences": config.sequences.map { JSONValue($0) } ?? .null,
      "long_prefill_tokens": JSONValue(config.longPrefillTokens),
      "chunk_tile_tokens": JSONValue(config.batch.chunkTileTokens),
      "budget_from": .string(config.batch.budget.rawValue),
      "slice_iterations": JSONValue(config.batch.sliceIterations),
      "deadline_anchor": .string(config.deadlineAnchor.rawValue), "hold_us": JSONValue(config.holdUs),
    ]
    file["admission"] = [
      "queue_depth": config.admission.queueDepth.map { JSONValue($0) } ?? .null,
      "infeasible": .string(config.admission.infeasible.rawValue),
      "kv_headroom_ratio": .number(Double(config.admission.kvHeadroomPpm) / 1_000_000),
      "reserve_prompts": .bool(config.admission.reservesPrompts),
      "reserve_peak": .string(config.admission.reservesPeak.rawValue),
    ]
    file["preemption"] = [
      "victim_order": .string(config.victimOrder.rawValue), "means": .string(config.preemption.means.rawValue),
      "rest_plans": JSONValue(config.preemption.restPlans),
      "per_second": config.preemption.perSecond.map { JSONValue($0) } ?? .null,
    ]
    file["memory"] = [
      "watermark_ratio": .number(Double(config.watermarkPpm) / 1_000_000),
      "eviction": .string(config.eviction.rawValue),
    ]
    file["speculation"] = Self.json(config.speculation, draftTokens: config.draftTokens)
    if let models = json["models"]?.arrayValue, !models.isEmpty { file["models"] = .array(models) }
    return .object(file)
  }

  private static func json(_ speculation: SpeculationConfig, draftTokens: Int) -> JSONValue {
    [
      "mode": .string(speculation.mode.rawValue), "draft_tokens": JSONValue(draftTokens),
      "max_draft_tokens": JSONValue(speculation.maxDraftTokens),
      "draft_step_us": speculation.draftStepUs.map { JSONValue($0) } ?? .null,
      "loss_limit_ratio": .number(Double(speculation.lossLimitPpm) / 1_000_000),
      "kv_free_ratio": .number(Double(speculation.kvFreePpm) / 1_000_000),
    ]
  }

  private static func json(_ requestClass: PolicyConfig.RequestClass) -> JSONValue {
    var file: JSONObject = [
      "name": .string(requestClass.name), "rank": JSONValue(requestClass.rank),
      "ttft_slo_ms": JSONValue(requestClass.ttftSLOMs), "tpot_slo_ms": JSONValue(requestClass.tpotSLOMs),
      "weight": JSONValue(requestClass.weight),
    ]
    // Classes come from no preset: what they do not state is nothing.
    if requestClass.reservedPpm > 0 {
      file["reserved_ratio"] = .number(Double(requestClass.reservedPpm) / 1_000_000)
    }
    if requestClass.upgradeQuota > 0 { file["upgrade_quota"] = JSONValue(requestClass.upgradeQuota) }
    if let most = requestClass.upgradesPerSecond { file["upgrades_per_second"] = JSONValue(most) }
    return .object(file)
  }
}
