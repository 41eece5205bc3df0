import SchedulerCore
import Testing

@testable import WireProtocol

/// Plans as an engine reads them.
struct PlanReplyTests {
  private func decode(_ bytes: [UInt8], into reply: inout StepReply) throws(JSONError) {
    try bytes.span.bytes.withUnsafeBytes { (buffer) throws(JSONError) in try reply.decode(buffer) }
  }

  @Test(arguments: 0..<20)
  func randomPlansReadBackEqual(index: Int) throws {
    let seed = UInt64(7_000 + index)
    var random = SeededRandom(seed: seed)
    var reply = StepReply()
    var expected = StepReply()
    var writer = JSONWriter()
    for _ in 0..<100 {
      let plan = Self.randomPlan(&random)
      let epoch = UInt64.random(in: 0 ... .max, using: &random)
      let seq = UInt64.random(in: 0 ... .max, using: &random)
      writer.removeAll()
      StepReplyCodec.encode(epoch: epoch, seq: seq, plan: plan, into: &writer)
      try decode(writer.bytes, into: &reply)
      expected.set(plan, epoch: epoch, seq: seq)
      expected.reasons = Self.reasons(plan)
      expected.placement = try Self.placement(plan)
      #expect(reply == expected, "seed \(seed)")
    }
  }

  @Test func aSyncStepGetsNoPlan() throws {
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: 7, seq: 1, plan: StepPlan(), isSync: true, into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"epoch":7,"seq":1}"#)
    var reply = StepReply()
    try decode(writer.bytes, into: &reply)
    #expect(!reply.hasPlan)
  }

  @Test func membersAppearOnlyWithContent() {
    var writer = JSONWriter()
    StepReplyCodec.encode(StepPlan(), into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "{}")
    var plan = StepPlan()
    plan.run = [.init(h: 1, n: 1, k: 0)]
    plan.decodesAll = true
    plan.decodeCount = 1
    writer.removeAll()
    StepReplyCodec.encode(plan, into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"decode":"all"}"#)
    plan.decodesAll = false
    plan.holdUs = 5000
    writer.removeAll()
    StepReplyCodec.encode(plan, into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"run":{"h":[1],"n":[1]},"hold_us":5000}"#)
    plan = StepPlan()
    plan.run = [.init(h: 1, n: 8, k: 7, shape: DraftShape(widths: [4, 2, 1])), .init(h: 2, n: 4, k: 3)]
    plan.draftBatch = 7
    writer.removeAll()
    StepReplyCodec.encode(plan, into: &writer)
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == #"{"run":{"h":[1,2],"n":[8,4],"k":[7,3],"levels":["421",""]},"draft_batch":7}"#)
    plan.draftBatchShape = DraftShape(widths: [4, 2, 1])
    plan.run = []
    writer.removeAll()
    StepReplyCodec.encode(plan, into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"draft_batch":7,"draft_batch_levels":"421"}"#)
  }

  @Test(arguments: [
    (#"{"plan":{"run":{"h":[1],"n":[]}}}"#, "/plan/run/n"), (#"{"plan":{"run":{"h":[1],"n":[0]}}}"#, "/plan/run/n/0"),
    (#"{"plan":{"run":{"h":[1],"n":[4],"k":[36]}}}"#, "/plan/run/k/0"),
    (#"{"plan":{"run":{"h":[1],"n":[4],"k":[3],"levels":["22"]}}}"#, "/plan/run/levels"),
    (#"{"plan":{"run":{"h":[1],"n":[4],"k":[3],"levels":["30"]}}}"#, "/plan/run/levels"),
    (#"{"plan":{"run":{"h":[1],"n":[4],"k":[3],"levels":["21",""]}}}"#, "/plan/run/levels"),
    (#"{"plan":{"draft_batch_levels":"11111111112"}}"#, "/plan/draft_batch_levels"),
    (#"{"plan":{"decode":"some"}}"#, "/plan/decode"),
    (#"{"plan":{"pause":[-1]}}"#, "/plan/pause/0"), (#"{"plan":{"hold_us":1.5}}"#, "/plan/hold_us"),
    (#"{"plan":{"truncate":{"h":[1],"keep_tokens":[]}}}"#, "/plan/truncate/keep_tokens"),
    (#"{"plan":{"cache":{"watermark_blocks":["a"]}}}"#, "/plan/cache/watermark_blocks/0"),
    (#"{"seq":-1}"#, "/seq"), (#"{"plan":[]}"#, "/plan"), (#"{"seq":1,"seq":1}"#, "/seq"),
  ])
  func brokenRepliesNameTheField(_ text: String, _ field: String) {
    var reply = StepReply()
    let error = #expect(throws: JSONError.self) { try decode(Array(text.utf8), into: &reply) }
    #expect(error?.pointer == field)
  }

  private static func reasons(_ plan: StepPlan) -> JSONValue? {
    guard !plan.reasons.isEmpty else { return nil }
    return .array(plan.reasons.map { [JSONValue($0.h), .string($0.reason.code), JSONValue($0.reason.number)] })
  }

  private static func placement(_ plan: StepPlan) throws -> JSONValue? {
    guard let placement = plan.placement else { return nil }
    var object: JSONObject = ["generation": JSONValue(placement.generation)]
    if !placement.cpus.isEmpty { object["cpus"] = .string(IDList(placement.cpus).description) }
    if let node = placement.numaNode { object["numa_node"] = JSONValue(node) }
    if let node = placement.memoryNode { object["memory_node"] = JSONValue(node) }
    object["reasons"] = .array(placement.reasons.map { [.string($0.code), JSONValue($0.number)] })
    return .object(object)
  }

  private static func randomShape(drafts: Int, _ random: inout SeededRandom) -> DraftShape {
    let widths = (0..<DraftShape.wideLevelsMax).map { _ in Int.random(in: 1...DraftShape.widthMax, using: &random) }
    return DraftShape(widths: widths).cut(to: drafts)
  }

  static func randomPlan(_ random: inout SeededRandom) -> StepPlan {
    func handles(_ random: inout SeededRandom) -> [RequestHandle] {
      guard Bool.random(using: &random) else { return [] }
      return (0..<Int.random(in: 0...5, using: &random)).map { _ in .random(in: 0 ... .max, using: &random) }
    }
    func count(_ random: inout SeededRandom) -> Int? {
      Bool.random(using: &random) ? Int.random(in: 0...100_000, using: &random) : nil
    }
    var plan = StepPlan()
    let speculates = Bool.random(using: &random)
    let hasTrees = Bool.random(using: &random)
    plan.run = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      let k = speculates ? Int.random(in: 0...StepCodec.draftsMax, using: &random) : 0
      let shape = hasTrees ? randomShape(drafts: k, &random) : .chain
      return .init(
        h: .random(in: 0 ... .max, using: &random), n: k + Int.random(in: 1...9, using: &random), k: k, shape: shape)
    }
    plan.decodesAll = Bool.random(using: &random)
    plan.decodeCount = Int.random(in: 0...plan.run.count, using: &random)
    plan.pause = handles(&random)
    plan.truncate = handles(&random).map { .init(h: $0, keepTokens: Int.random(in: 1...99, using: &random)) }
    plan.requeue = handles(&random)
    plan.swapCPU = handles(&random)
    plan.swapSSD = handles(&random)
    plan.abort = handles(&random).map { .init(h: $0, retryAfterMs: Int.random(in: 0...99, using: &random)) }
    plan.victims = handles(&random)
    plan.order = handles(&random)
    plan.budgetTokens = count(&random)
    plan.draftBatch = Bool.random(using: &random) ? Int.random(in: 0...StepCodec.draftsMax, using: &random) : nil
    if let drafts = plan.draftBatch, hasTrees { plan.draftBatchShape = randomShape(drafts: drafts, &random) }
    plan.holdUs = count(&random)
    plan.cache = count(&random).map { CachePlan(watermarkBlocks: [$0, 0]) }
    plan.placement = count(&random).map {
      PlacementPlan(
        generation: UInt64($0), cpus: $0 % 2 == 0 ? [] : [0, 1, 5], numaNode: $0 % 3 == 0 ? nil : 1,
        memoryNode: $0 % 5 == 0 ? nil : 0, reasons: [.singleNode(nodes: 1), .topologyUnknown])
    }
    plan.reasons = handles(&random).map {
      PlanReason(h: $0, reason: .waitingKV(missingBlocks: Int.random(in: 0...9, using: &random)))
    }
    return plan
  }
}
