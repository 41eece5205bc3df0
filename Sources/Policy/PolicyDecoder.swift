import SchedulerCore
import WireProtocol

/// Walks a policy file in order and collects every error.
struct PolicyDecoder {
  private(set) var errors: [PolicyError] = []

  mutating func decode(_ json: JSONValue) -> PolicyConfig? {
    var root = PolicyReader(json, path: "", names: Self.names(PolicyField.Root.self), errors: &errors)
    guard json.objectValue != nil else { return nil }
    root.require("version", "\(PolicyLimits.version)")
    root.integer("version", in: PolicyLimits.version...PolicyLimits.version) { _ in }
    root.require("name", "a string")
    let base = preset(&root)
    var config = base ?? Self.fallback
    root.string("name", bytes: PolicyLimits.nameBytes) { config.name = $0 }
    root.string("description", bytes: PolicyLimits.descriptionBytes) { _ in }
    errors += root.errors
    if let classes = root.object["classes"] { decodeClasses(classes, &config) }
    decodeDefaultClass(root.object, &config)
    decodeQueue(root.object["queue"], &config)
    decodeBatch(root.object["batch"], &config)
    decodePreemption(root.object["preemption"], &config)
    decodeMemory(root.object["memory"], &config)
    decodeSpeculation(root.object["speculation"], &config)
    return config
  }

  /// Where every preset starts: vLLM V1 without classes; a file without a preset must bring its own classes.
  private static let fallback = PolicyConfig(
    name: "", classes: [], defaultClass: "", ordering: .fcfs, batchStrategy: .continuous, stepTokens: nil,
    sequences: nil, longPrefillTokens: 0, watermarkPpm: 0, victimOrder: .lastAdmitted, draftTokens: 0, holdUs: 5_000)

  static func names<Field: CaseIterable & RawRepresentable<String>>(_ type: Field.Type) -> [String] {
    Field.allCases.map(\.rawValue)
  }

  private func preset(_ root: inout PolicyReader) -> PolicyConfig? {
    guard let value = root.object["preset"] else {
      root.require("classes", "an array of classes, or a preset to take them from")
      return nil
    }
    let known = PolicyDocument.presetNames
    guard let name = value.stringValue, known.contains(name) else {
      root.add(
        PolicyError(
          pointer: "/preset", message: "unknown preset", expected: "one of \(known.joined(separator: ", "))",
          found: PolicyReader.shown(value),
          didYouMean: value.stringValue.flatMap { Spelling.nearest(to: $0, among: known) }))
      return nil
    }
    return PolicyDocument.preset(name)?.config
  }

  // MARK: - Classes

  private mutating func decodeClasses(_ json: JSONValue, _ config: inout PolicyConfig) {
    guard let elements = json.arrayValue, PolicyLimits.classes.contains(elements.count) else {
      errors.append(
        PolicyError(
          pointer: "/classes", message: "wrong type or size",
          expected: "an array of \(PolicyLimits.classes.lowerBound) to \(PolicyLimits.classes.upperBound) classes",
          found: json.arrayValue.map { "\($0.count) classes" } ?? PolicyReader.shown(json)))
      return
    }
    config.classes = elements.enumerated().map { decodeClass($1, path: "/classes/\($0)") }
    for (i, requestClass) in config.classes.enumerated() {
      let isRepeated = config.classes[..<i].contains { $0.name == requestClass.name }
      if isRepeated, !requestClass.name.isEmpty {
        errors.append(
          PolicyError(
            pointer: "/classes/\(i)/name", message: "named twice", expected: "a name of its own",
            found: "\"\(requestClass.name)\""))
      }
    }
  }

  private mutating func decodeClass(_ json: JSONValue, path: String) -> PolicyConfig.RequestClass {
    var result = PolicyConfig.RequestClass(name: "", rank: 0, ttftSLOMs: 0, tpotSLOMs: 0, weight: 1)
    var reader = PolicyReader(json, path: path, names: Self.names(PolicyField.Class.self), errors: &errors)
    guard json.objectValue != nil else { return result }
    for name in ["name", "rank", "ttft_slo_ms", "tpot_slo_ms"] { reader.require(name, "a value") }
    reader.string("name", bytes: PolicyLimits.nameBytes) { result.name = $0 }
    reader.integer("rank", in: PolicyLimits.rank) { result.rank = $0 }
    reader.integer("ttft_slo_ms", in: PolicyLimits.sloMs) { result.ttftSLOMs = $0 }
    reader.integer("tpot_slo_ms", in: PolicyLimits.sloMs) { result.tpotSLOMs = $0 }
    reader.integer("weight", in: PolicyLimits.weight) { result.weight = $0 }
    errors += reader.errors
    return result
  }

  private mutating func decodeDefaultClass(_ root: JSONObject, _ config: inout PolicyConfig) {
    let names = config.classes.map(\.name)
    guard let value = root["default_class"] else {
      if let first = names.first, !names.contains(config.defaultClass) { config.defaultClass = first }
      return
    }
    guard let name = value.stringValue, names.contains(name) else {
      errors.append(
        PolicyError(
          pointer: "/default_class", message: "unknown class",
          expected: "one of \(names.joined(separator: ", "))", found: PolicyReader.shown(value),
          didYouMean: value.stringValue.flatMap { Spelling.nearest(to: $0, among: names) }))
      return
    }
    config.defaultClass = name
  }

  // MARK: - Stages

  private mutating func decodeQueue(_ json: JSONValue?, _ config: inout PolicyConfig) {
    guard let json else { return }
    var reader = PolicyReader(json, path: "/queue", names: Self.names(PolicyField.Queue.self), errors: &errors)
    reader.choice("ordering") { config.ordering = $0 }
    errors += reader.errors
  }

  private mutating func decodeBatch(_ json: JSONValue?, _ config: inout PolicyConfig) {
    guard let json else { return }
    var reader = PolicyReader(json, path: "/batch", names: Self.names(PolicyField.Batch.self), errors: &errors)
    reader.choice("strategy") { config.batchStrategy = $0 }
    reader.integerOrNull("step_tokens", in: PolicyLimits.stepTokens) { config.stepTokens = $0 }
    reader.integerOrNull("sequences", in: PolicyLimits.sequences) { config.sequences = $0 }
    reader.integer("long_prefill_tokens", in: PolicyLimits.longPrefillTokens) { config.longPrefillTokens = $0 }
    reader.integer("hold_us", in: PolicyLimits.holdUs) { config.holdUs = $0 }
    errors += reader.errors
  }

  private mutating func decodePreemption(_ json: JSONValue?, _ config: inout PolicyConfig) {
    guard let json else { return }
    let names = Self.names(PolicyField.Preemption.self)
    var reader = PolicyReader(json, path: "/preemption", names: names, errors: &errors)
    reader.choice("victim_order") { config.victimOrder = $0 }
    errors += reader.errors
  }

  private mutating func decodeMemory(_ json: JSONValue?, _ config: inout PolicyConfig) {
    guard let json else { return }
    var reader = PolicyReader(json, path: "/memory", names: Self.names(PolicyField.Memory.self), errors: &errors)
    reader.ratioPpm("watermark_ratio", most: PolicyLimits.watermarkRatio) { config.watermarkPpm = $0 }
    errors += reader.errors
  }

  private mutating func decodeSpeculation(_ json: JSONValue?, _ config: inout PolicyConfig) {
    guard let json else { return }
    let names = Self.names(PolicyField.Speculation.self)
    var reader = PolicyReader(json, path: "/speculation", names: names, errors: &errors)
    reader.integer("draft_tokens", in: PolicyLimits.draftTokens) { config.draftTokens = $0 }
    errors += reader.errors
  }
}
