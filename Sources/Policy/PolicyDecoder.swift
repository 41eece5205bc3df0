import SchedulerCore
import WireProtocol

/// Walks a policy file in order and collects every error.
struct PolicyDecoder {
  /// What members that are not in the file keep; nil for the one preset that has to state them all.
  let base: PolicyConfig?
  let sink = PolicyErrorSink()

  init(base: PolicyConfig?) { self.base = base }

  /// The policy, and what single models have instead.
  func decode(_ json: JSONValue) -> (config: PolicyConfig, models: [PolicyModel])? {
    let optional: Set<PolicyField.Root> = [.schema, .preset, .need, .description, .models]
    let required = base == nil ? PolicyField.Root.allCases.filter { !optional.contains($0) } : [.version, .name]
    let names = PolicyField.Root.allCases.map(\.rawValue)
    guard
      let root = PolicyReader(json, path: "", fields: names, required: required.map(\.rawValue), sink: sink)
    else { return nil }
    var version = PolicyLimits.version
    root.integer("version", in: version...version, into: &version)
    var config = preset(root) ?? base ?? Self.blank
    root.name("name", into: &config.name)
    // The document keeps it: the core has no use for it.
    _ = root.choice("need", among: PolicyNeed.allCases.map(\.rawValue))
    var ignored = ""
    root.text("$schema", length: PolicyLimits.schemaLength, into: &ignored)
    root.text("description", length: PolicyLimits.descriptionLength, into: &ignored)
    decodeSettings(root, &config)
    return (config, decodeModels(root, over: config))
  }

  private func decodeModels(_ root: PolicyReader, over config: PolicyConfig) -> [PolicyModel] {
    guard let elements = root.array("models", count: PolicyLimits.models) else { return [] }
    let names = PolicyField.Model.allCases.map(\.rawValue)
    let models = elements.enumerated().map { i, json in
      var model = PolicyModel(name: "", config: config)
      guard let reader = PolicyReader(json, path: "/models/\(i)", fields: names, required: ["name"], sink: sink) else {
        return model
      }
      reader.text("name", length: PolicyLimits.modelNameLength, into: &model.name)
      decodeSettings(reader, &model.config)
      return model
    }
    expectUnique(models.map(\.name), in: root.pointer("models"))
    return models
  }

  /// Everything that a model may have of its own.
  private func decodeSettings(_ root: PolicyReader, _ config: inout PolicyConfig) {
    decodeClasses(root, &config)
    decodeTenants(root, &config)
    section(root, "queue", PolicyField.Queue.self) { queue in
      queue.choice("ordering", into: &config.ordering)
      queue.choice("allocation", into: &config.allocation)
      queue.integerOrNull("starvation_bound_ms", in: PolicyLimits.starvationBoundMs, into: &config.starvationBoundMs)
      queue.integer("quantum_tokens", in: PolicyLimits.quantumTokens, into: &config.quantumTokens)
      queue.choice("fairness", into: &config.fairness)
      queue.integerOrNull("fairness_slack_tokens", in: PolicyLimits.quantumTokens, into: &config.fairnessSlackTokens)
      queue.choice("late", into: &config.late)
    }
    section(root, "batch", PolicyField.Batch.self) { decodeBatch($0, &config) }
    decodeAdmission(root, &config.admission)
    section(root, "preemption", PolicyField.Preemption.self) { preemption in
      preemption.choice("victim_order", into: &config.victimOrder)
      preemption.choice("means", into: &config.preemption.means)
      preemption.integer("rest_plans", in: PolicyLimits.restPlans, into: &config.preemption.restPlans)
      preemption.integerOrNull(
        "per_second", in: PolicyLimits.preemptionsPerSecond, into: &config.preemption.perSecond)
    }
    section(root, "memory", PolicyField.Memory.self) {
      $0.ratioPpm("watermark_ratio", most: PolicyLimits.watermarkRatio, into: &config.watermarkPpm)
      $0.choice("eviction", into: &config.eviction)
    }
    section(root, "speculation", PolicyField.Speculation.self) { decodeSpeculation($0, &config) }
    AllocationCheck(settings: root, sink: sink).check(config)
  }

  private func decodeBatch(_ reader: PolicyReader, _ config: inout PolicyConfig) {
    reader.choice("strategy", into: &config.batchStrategy)
    reader.integerOrNull("step_tokens", in: PolicyLimits.stepTokens, into: &config.stepTokens)
    reader.integerOrNull("sequences", in: PolicyLimits.sequences, into: &config.sequences)
    reader.integer("long_prefill_tokens", in: PolicyLimits.longPrefillTokens, into: &config.longPrefillTokens)
    reader.integer("chunk_tile_tokens", in: PolicyLimits.chunkTileTokens, into: &config.batch.chunkTileTokens)
    reader.choice("budget_from", into: &config.batch.budget)
    reader.integer("slice_iterations", in: PolicyLimits.sliceIterations, into: &config.batch.sliceIterations)
    reader.choice("deadline_anchor", into: &config.deadlineAnchor)
    reader.integer("hold_us", in: PolicyLimits.holdUs, into: &config.holdUs)
  }

  private func decodeSpeculation(_ reader: PolicyReader, _ config: inout PolicyConfig) {
    reader.choice("mode", into: &config.speculation.mode)
    reader.integer("draft_tokens", in: PolicyLimits.draftTokens, into: &config.draftTokens)
    reader.integer(
      "max_draft_tokens", in: PolicyLimits.maxDraftTokens, into: &config.speculation.maxDraftTokens)
    reader.integerOrNull("draft_step_us", in: PolicyLimits.draftStepUs, into: &config.speculation.draftStepUs)
    reader.ratioPpm(
      "loss_limit_ratio", most: PolicyLimits.lossLimitRatio, into: &config.speculation.lossLimitPpm)
    reader.ratioPpm("kv_free_ratio", most: PolicyLimits.kvFreeRatio, into: &config.speculation.kvFreePpm)
  }

  /// Never seen by a user: the preset that starts from it states every member.
  private static let blank = PolicyConfig(
    name: "", classes: [], defaultClass: "", ordering: .fcfs, batchStrategy: .continuous, stepTokens: nil,
    sequences: nil, longPrefillTokens: 0, watermarkPpm: 0, victimOrder: .lastAdmitted, draftTokens: 0, holdUs: 0)

  private func preset(_ root: PolicyReader) -> PolicyConfig? {
    root.choice("preset", among: PolicyDocument.presetNames).flatMap { PolicyDocument.preset($0)?.config }
  }

  private func section<Field: CaseIterable & RawRepresentable<String>>(
    _ root: PolicyReader, _ name: String, _ type: Field.Type, _ read: (PolicyReader) -> Void
  ) {
    guard let json = root.object[name] else { return }
    let fields = Field.allCases.map(\.rawValue)
    let required = base == nil ? fields : []
    PolicyReader(json, path: root.pointer(name), fields: fields, required: required, sink: sink).map(read)
  }

  private func decodeAdmission(_ root: PolicyReader, _ rules: inout AdmissionRules) {
    section(root, "admission", PolicyField.Admission.self) { admission in
      admission.integerOrNull("queue_depth", in: PolicyLimits.queueDepth, into: &rules.queueDepth)
      admission.choice("infeasible", into: &rules.infeasible)
      admission.ratioPpm("kv_headroom_ratio", most: PolicyLimits.watermarkRatio, into: &rules.kvHeadroomPpm)
      admission.boolean("reserve_prompts", into: &rules.reservesPrompts)
      admission.choice("reserve_peak", into: &rules.reservesPeak)
    }
  }

  private func decodeClasses(_ root: PolicyReader, _ config: inout PolicyConfig) {
    if let elements = root.array("classes", count: PolicyLimits.classes) {
      config.classes = elements.enumerated().map { decodeClass($1, path: "\(root.pointer("classes"))/\($0)") }
      expectUnique(config.classes.map(\.name), in: root.pointer("classes"))
    }
    root.name("default_class", into: &config.defaultClass)
    guard root.object["classes"] != nil || root.object["default_class"] != nil else { return }
    let names = config.classes.map(\.name)
    guard !names.contains(config.defaultClass), !names.contains(""), !names.isEmpty else { return }
    sink.add(
      PolicyError(
        pointer: root.pointer("default_class"), message: "unknown class",
        expected: "one of \(names.joined(separator: ", "))", found: "\"\(config.defaultClass)\"",
        didYouMean: Spelling.nearest(to: config.defaultClass, among: names)))
  }

  private func decodeClass(_ json: JSONValue, path: String) -> PolicyConfig.RequestClass {
    var result = PolicyConfig.RequestClass(name: "", rank: 0, ttftSLOMs: 0, tpotSLOMs: 0, weight: 1)
    let names = PolicyField.Class.allCases.map(\.rawValue)
    let required: [PolicyField.Class] = [.name, .rank, .ttftSLOMs, .tpotSLOMs]
    guard let reader = PolicyReader(json, path: path, fields: names, required: required.map(\.rawValue), sink: sink)
    else {
      return result
    }
    reader.name("name", into: &result.name)
    reader.integer("rank", in: PolicyLimits.rank, into: &result.rank)
    reader.integer("ttft_slo_ms", in: PolicyLimits.sloMs, into: &result.ttftSLOMs)
    reader.integer("tpot_slo_ms", in: PolicyLimits.sloMs, into: &result.tpotSLOMs)
    reader.integer("weight", in: PolicyLimits.weight, into: &result.weight)
    reader.ratioPpm("reserved_ratio", most: PolicyLimits.reservedRatio, into: &result.reservedPpm)
    reader.integer("upgrade_quota", in: PolicyLimits.upgradeQuota, into: &result.upgradeQuota)
    reader.integerOrNull(
      "upgrades_per_second", in: PolicyLimits.upgradesPerSecond, into: &result.upgradesPerSecond)
    return result
  }

  private func decodeTenants(_ root: PolicyReader, _ config: inout PolicyConfig) {
    guard let elements = root.array("tenants", count: PolicyLimits.tenants) else { return }
    config.tenants = elements.enumerated().map { i, json in
      var tenant = PolicyConfig.Tenant(name: "", weight: 1)
      let names = PolicyField.Tenant.allCases.map(\.rawValue)
      let path = "\(root.pointer("tenants"))/\(i)"
      let reader = PolicyReader(json, path: path, fields: names, required: names, sink: sink)
      reader?.text("name", length: PolicyLimits.tenantNameLength, into: &tenant.name)
      reader?.integer("weight", in: PolicyLimits.weight, into: &tenant.weight)
      return tenant
    }
    expectUnique(config.tenants.map(\.name), in: root.pointer("tenants"))
  }

  private func expectUnique(_ names: [String], in pointer: String) {
    for (i, name) in names.enumerated() where !name.isEmpty && names[..<i].contains(name) {
      sink.add(
        PolicyError(
          pointer: "\(pointer)/\(i)/name", message: "named twice", expected: "a name of its own", found: "\"\(name)\""))
    }
  }
}
