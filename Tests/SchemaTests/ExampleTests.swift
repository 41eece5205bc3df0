import SchedulerCore
import Testing
import WireProtocol

/// Decoders take every example of the schemas and refuse every message of Tests/cases/invalid.ndjson that the schemas refuse.
@Suite struct ExampleTests {
  @Test(arguments: Decoders.schemas) func theDecoderTakesTheExamples(schema: String) throws {
    let examples = try SchemaFile(schema).examples
    #expect(!examples.isEmpty)
    for example in examples { #expect(Decoders.refusal(schema, example) == nil, "\(example.text)") }
  }

  @Test func theDecodersRefuseTheInvalidCases() throws {
    var refused = 0
    for line in try Repository.text("Tests/cases/invalid.ndjson").split(separator: "\n") {
      let entry = try JSONValue(parsing: String(line))
      let schema = try #require(entry["schema"]?.stringValue)
      guard Decoders.schemas.contains(schema), !Self.toleratedReplies.contains(entry["why"]?.stringValue ?? "") else {
        continue
      }
      refused += 1
      let message = try #require(entry["message"])
      #expect(Decoders.refusal(schema, message) != nil, "\(schema): \(entry["why"]?.text ?? "")")
    }
    #expect(refused > 50)
  }

  /// A client reads replies of sidecars that may be newer: it does not judge words for people or missing members.
  private static let toleratedReplies = [
    "without seq", "an unknown reason", "a hold of half a millisecond", "without applied",
  ]

  @Test(.enabled(if: Judge.python != nil, "python3-jsonschema is missing")) func whatWeWriteIsValid() throws {
    var messages: [(schema: String, message: JSONValue)] = []
    for example in try SchemaFile("step-v1").examples { messages.append(("step-v1", try Self.stepAgain(example))) }
    for example in try SchemaFile("register-v1").examples {
      messages.append(("register-v1", RegisterMessage.encode(try RegisterMessage.decode(example))))
    }
    for example in try SchemaFile("register-reply-v1").examples {
      messages.append(("register-reply-v1", try RegisterReply.decode(example).json))
    }
    for plan in Self.plans {
      var writer = JSONWriter()
      StepReplyCodec.encode(epoch: .max, seq: 7, plan: plan, into: &writer)
      messages.append(("step-reply-v1", try JSONValue(parsing: writer.bytes)))
    }
    let verdicts = try Judge.verdicts(messages)
    #expect(verdicts.count == messages.count)
    for (verdict, entry) in zip(verdicts, messages) { #expect(verdict, "\(entry.schema): \(entry.message.text)") }
  }

  private static func stepAgain(_ example: JSONValue) throws -> JSONValue {
    var delta = StepDelta()
    try Array(example.text.utf8).withUnsafeBytes { try StepCodec().decode($0, into: &delta) }
    var writer = JSONWriter()
    StepCodec.encode(delta, into: &writer)
    return try JSONValue(parsing: writer.bytes)
  }

  /// One plan with every member, every reason included, and the smallest ones.
  private static var plans: [StepPlan] {
    var full = StepPlan()
    full.run = [.init(h: 1, n: 1, k: 0), .init(h: .max, n: 4, k: 3)]
    full.decodesAll = true
    full.decodeCount = 1
    full.pause = [2]
    full.truncate = [.init(h: 3, keepTokens: 16)]
    full.requeue = [4]
    full.swapCPU = [5]
    full.swapSSD = [6]
    full.abort = [.init(h: 7, retryAfterMs: 100)]
    full.victims = [3]
    full.order = [8, 9]
    full.budgetTokens = 512
    full.draftBatch = 3
    var cache = CachePlan(watermarkBlocks: [10, 0])
    cache.evict = [0, .max]
    cache.pin = [1]
    cache.unpin = [2]
    cache.prefetch = [3]
    full.cache = cache
    full.placement = PlacementPlan(
      generation: 3, cpus: [0, 1, 2, 3, 8], numaNode: 0, memoryNode: 1, reasons: WordDriftTests.placementReasons)
    full.reasons = WordDriftTests.reasons.map { PlanReason(h: 1, reason: $0) }
    var hold = StepPlan()
    hold.holdUs = 5000
    var unbound = StepPlan()
    unbound.placement = PlacementPlan(
      generation: 1, cpus: [], numaNode: nil, memoryNode: nil, reasons: [.singleNode(nodes: 1)])
    return [StepPlan(), full, hold, unbound]
  }
}
