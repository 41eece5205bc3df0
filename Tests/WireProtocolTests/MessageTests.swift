import SchedulerCore
import Testing

@testable import WireProtocol

struct MessageTests {
  static let registerText = """
    {"engine":{"name":"e","version":"1"},"server_id":"s","dp_rank":1,"dp_size":2,"tp":2,"pp":1,"engine_boot_id":"b",
    "now_us":5,"model":{"id":"m","parameters":8000000000,"pools":[{"blocks":10}],
    "kv_groups":[{"pool":0,"block_tokens":16,"bytes_per_token":4096,"window_tokens":0}]},"in_flight_max":2,
    "in_flight_repeat":"prefill","limits":{"step_tokens":64,"sequences":8,"length":2048,"adapters":0,"encoder_tokens":0},
    "drafter":{"k_max":3,"per":"request"},"full_prompt_must_fit":true,"kinds":["chat"],"capabilities":["order","pause"]}
    """

  @Test func registerReadsBack() throws {
    let engine = try RegisterMessage.decode(try JSONValue(parsing: Self.registerText))
    #expect(engine.dpRank == 1)
    #expect(engine.inFlightRepeat == .prefill)
    #expect(engine.drafter == .init(kMax: 3, per: .request))
    #expect(engine.capabilities == [.order, .pause])
    #expect(try RegisterMessage.decode(RegisterMessage.encode(engine)) == engine)
  }

  @Test func aDrafterMayVerifyTrees() throws {
    var message = try #require(try JSONValue(parsing: Self.registerText).objectValue)
    message["drafter"] = ["k_max": 6, "per": "request", "tree": ["width_max": 8, "nodes_max": 31]]
    let engine = try RegisterMessage.decode(.object(message))
    #expect(engine.drafter == .init(kMax: 6, per: .request, tree: .init(widthMax: 8, nodesMax: 31)))
    #expect(try RegisterMessage.decode(RegisterMessage.encode(engine)) == engine)
    message["drafter"] = ["k_max": 6, "tree": nil]
    #expect(try RegisterMessage.decode(.object(message)).drafter?.tree == nil)
  }

  @Test(arguments: [
    ("server_id", "null", "/server_id"), ("dp_rank", "2", "/dp_rank"), ("in_flight_max", "4", "/in_flight_max"),
    ("in_flight_repeat", "\"some\"", "/in_flight_repeat"), ("capabilities", "[\"order\",\"fly\"]", "/capabilities/1"),
    ("model", "{\"id\":\"m\",\"pools\":[],\"kv_groups\":[]}", "/model/pools"),
    (
      "model", "{\"id\":\"m\",\"pools\":[{\"blocks\":1}],\"kv_groups\":[{\"pool\":1,\"block_tokens\":16}]}",
      "/model/kv_groups/0/pool"
    ),
    ("limits", "{\"sequences\":1}", "/limits/step_tokens"),
    ("limits", "{\"step_tokens\":16777217,\"sequences\":1}", "/limits/step_tokens"),
    ("drafter", "{\"k_max\":99}", "/drafter/k_max"),
    ("drafter", "{\"k_max\":4,\"tree\":{\"width_max\":9,\"nodes_max\":9}}", "/drafter/tree/width_max"),
    ("drafter", "{\"k_max\":4,\"tree\":{\"width_max\":2,\"nodes_max\":36}}", "/drafter/tree/nodes_max"),
    ("drafter", "{\"k_max\":4,\"tree\":{\"width_max\":2}}", "/drafter/tree/nodes_max"),
  ])
  func brokenRegistersNameTheField(_ member: String, _ json: String, _ field: String) throws {
    var message = try #require(try JSONValue(parsing: Self.registerText).objectValue)
    message[member] = try JSONValue(parsing: json)
    let error = #expect(throws: CallError.self) { try RegisterMessage.decode(.object(message)) }
    #expect(error?.details["field"] == .string(field))
    #expect(error?.code == .invalidArgument)
  }

  @Test func registerReplyReadsBack() throws {
    for applied in [nil, RegisterReply.Applied(epoch: .max, seq: 3)] {
      let reply = RegisterReply(
        session: "s-1", epoch: 7, applied: applied, policyGeneration: 2, mirrorLimits: MirrorLimits())
      #expect(try RegisterReply.decode(reply.json) == reply)
    }
  }

  @Test func plansReadBack() throws {
    var plan = StepPlan()
    plan.run = [.init(h: 1, n: 1, k: 0), .init(h: 2, n: 1, k: 0), .init(h: 3, n: 4, k: 3), .init(h: 4, n: 512, k: 0)]
    plan.decodesAll = true
    plan.decodeCount = 2
    plan.pause = [9]
    plan.truncate = [.init(h: 10, keepTokens: 32)]
    plan.requeue = [11]
    plan.swapCPU = [12]
    plan.swapSSD = [13]
    plan.abort = [.init(h: 14, retryAfterMs: 500)]
    plan.victims = [3]
    plan.order = [20, 21]
    plan.budgetTokens = 2048
    plan.draftBatch = 3
    plan.cache = CachePlan(watermarkBlocks: [5])
    plan.placement = PlacementPlan(
      generation: 1, cpus: [0, 1, 2, 8], numaNode: 0, memoryNode: 0, reasons: [.mostMemory(bytes: 9)])
    plan.reasons = [PlanReason(h: 4, reason: .chunkBudget(tokens: 512))]
    var writer = JSONWriter()
    StepReplyCodec.encode(epoch: 7, seq: 8, plan: plan, into: &writer)
    var reply = StepReply()
    try writer.bytes.withUnsafeBytes { try reply.decode($0) }
    #expect(reply.epoch == 7 && reply.seq == 8 && reply.hasPlan && reply.decodesAll)
    #expect(reply.run == Array(plan.run[2...]))
    #expect(reply.truncate == plan.truncate && reply.abort == plan.abort && reply.requeue == [11])
    #expect(reply.swapCPU == [12] && reply.swapSSD == [13] && reply.pause == [9])
    #expect(reply.watermarkBlocks == [5])
    #expect(reply.placement?["cpus"] == "0-2,8")
    #expect(reply.reasons == [[4, "chunk_budget", 512]])
    #expect(reply.holdUs == nil && reply.budgetTokens == 2048 && reply.draftBatch == 3)
  }

  @Test func aPlanRequestNeedsNeitherEpochNorSeq() throws {
    let text = """
      {"register":\(Self.registerText),"step":{"kv_free_blocks":[10],"names":["t","c"],"arrived":{"h":[1],"id":["a"],
      "tenant":[0],"class":[1],"prompt":[5],"max_output":[3],"age_us":[0]}}}
      """
    let request = try PlanRequest.decode(try JSONValue(parsing: text))
    #expect(request.step.seq == 1 && request.step.nowUs == 5 && request.step.arrived.id == ["a"])
    let ragged = try JSONValue(parsing: text.replacing("\"prompt\":[5]", with: "\"prompt\":[]"))
    let error = #expect(throws: CallError.self) { try PlanRequest.decode(ragged) }
    #expect(error?.details["field"] == "/step/arrived/prompt")
  }
}
