import Foundation
import Policy
import Testing
import WireProtocol

/// Our decoders and the schemas, judged by python3-jsonschema, agree on random messages around valid ones.
@Suite(.enabled(if: Judge.python != nil, "python3-jsonschema is missing")) struct VerdictTests {
  static let messagesPerSchema = 3_000
  static let messagesOfOtherSchemas = 200
  /// Another run of the dice: COXSWAIN_SEED=7 swift test --filter VerdictTests
  static let seed = ProcessInfo.processInfo.environment["COXSWAIN_SEED"].flatMap(UInt64.init) ?? 1

  static let numbers: [JSONValue] = [
    -1, 0, 1, 2, 35, 36, 64, 999, 1000, 65_536, 65_537, 100_000, 100_001, 16_777_216, 16_777_217, 2_147_483_648,
    2_147_483_649, 4_294_967_295,
    4_294_967_296, 4_611_686_018_427_387_904, 4_611_686_018_427_387_905, .unsigned(.max), 0.25, 0.5, 0.51, 1.5,
  ]
  static let others: [JSONValue] = [
    nil, true, false, "", "x", "0z", "2A", "plan", "none", "fcfs", "priority", "continuous", "any", "chat", "order",
    "cached", "stop", "grammar", "balanced", "vllm-v1", "standard", "a b", "é", [], [:], [1], ["x"],
  ]

  @Test func policies() throws {
    try compare(
      "policy-v1", names: ["rank", "naem", "batch", "memory", "$schema", "hold_us"],
      isDivergenceKnown: { _, _ in false })
  }

  @Test func registers() throws {
    try compare("register-v1", names: ["dp_size", "drafter", "kinds", "unknown"]) { message, refusal in
      // Relations between two members.
      refusal?.hasPrefix("/dp_rank") == true || refusal?.contains("/pool:") == true
        || refusal?.contains("a multiple of every group's") == true
    }
  }

  @Test func steps() throws {
    try compare("step-v1", names: ["sync", "spot", "unknown", "ready"]) { message, refusal in
      // Columns of unequal length; a group without columns, which says nothing.
      refusal?.contains("as many as in h") == true || (refusal == nil && message.text.contains(":{}"))
    }
  }

  /// Our validator and python3-jsonschema agree about every schema there is.
  @Test func everySchema() throws {
    var messages: [(schema: String, message: JSONValue)] = []
    for name in ShippedSchema.names {
      let examples = try SchemaFile(name).examples
      var mutation = Mutation(
        random: SeededGenerator(seed: Self.seed), values: Self.numbers + Self.others, names: ["unknown", "name"])
      let count = Self.messagesOfOtherSchemas
      messages += (0..<count).map { (name, mutation.mutate(examples[$0 % examples.count])) }
    }
    let verdicts = try Judge.verdicts(messages)
    try #require(verdicts.count == messages.count)
    var validators: [String: JSONSchema] = [:]
    for (entry, isValid) in zip(messages, verdicts) {
      let validator = try validators[entry.schema] ?? ShippedSchema.named(entry.schema)
      validators[entry.schema] = validator
      #expect(
        validator.allows(entry.message) == isValid,
        "seed \(Self.seed): \(entry.schema): python3-jsonschema says \(isValid): \(entry.message.text)")
    }
    #expect(verdicts.contains(true) && verdicts.contains(false))
  }

  private func compare(
    _ schema: String, names: [String], isDivergenceKnown: (JSONValue, String?) -> Bool
  ) throws {
    let examples = try SchemaFile(schema).examples
    var mutation = Mutation(
      random: SeededGenerator(seed: Self.seed), values: Self.numbers + Self.numbers + Self.others, names: names)
    let messages = (0..<Self.messagesPerSchema).map { mutation.mutate(examples[$0 % examples.count]) }
    let verdicts = try Judge.verdicts(messages.map { (schema, $0) })
    try #require(verdicts.count == messages.count)
    let validator = try ShippedSchema.named(schema)
    var valid = 0
    for (message, isValid) in zip(messages, verdicts) {
      #expect(
        validator.allows(message) == isValid,
        "seed \(Self.seed): python3-jsonschema says \(isValid), our validator not: \(message.text)")
      let refusal = Decoders.refusal(schema, message)
      valid += isValid ? 1 : 0
      if (refusal == nil) != isValid, !isDivergenceKnown(message, refusal) {
        Issue.record(
          "seed \(Self.seed): the schema says \(isValid ? "valid" : "invalid"), the decoder \(refusal ?? "valid"): \(message.text)"
        )
      }
    }
    #expect(valid > messages.count / 10, "too few valid messages to mean anything: \(valid)")
    #expect(valid < messages.count * 9 / 10, "too few invalid messages to mean anything: \(messages.count - valid)")
  }
}
