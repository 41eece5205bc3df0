import Glibc
import Policy
import SchedulerCore
import Simulator
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// What admins see of running engines, over real sockets.
struct AdminTests {
  @Test func theReferenceEngineGetsTheSamePlansOverTheSocketAsInProcess() async throws {
    let (overSocket, inProcess) = try await RunningSidecar.with { directory in
      let socket = SentMessages()
      let core = SentMessages()
      try Self.run(RecordingLink(try SocketLink(path: directory + "/engine.sock"), socket))
      try Self.run(RecordingLink(CoreLink(policy: PolicyDocument.preset("vllm-v1")!.config), core))
      return (socket.lines, core.lines)
    }
    // An engine's Steps follow from the plans: equal Steps, apart from the epoch, need equal plans.
    #expect(overSocket.count == inProcess.count)
    for (socket, core) in zip(overSocket, inProcess).dropFirst() {
      #expect(socket.drop { $0 != "," } == core.drop { $0 != "," })
    }
  }

  @Test func namesOfPrefixesTravelAsTheyAreInProcess() async throws {
    let prefix = PrefixOptions(verbs: [.kvEvict, .kvPin], unitTokens: 32)
    let (overSocket, inProcess, pinned) = try await RunningSidecar.with { directory in
      let socket = SentMessages()
      let core = SentMessages()
      let card = try Self.run(
        RecordingLink(try SocketLink(path: directory + "/engine.sock"), socket), prefix, kvTokens: 6_000)
      try Self.run(
        RecordingLink(CoreLink(policy: PolicyDocument.preset("vllm-v1")!.config), core), prefix, kvTokens: 6_000)
      return (socket.lines, core.lines, card.json["prefix_cache"]?["pinned_units"]?.integerValue)
    }
    #expect(pinned ?? 0 > 0)
    #expect(overSocket.contains { $0.contains("\"prefix\":[\"0") && $0.contains("\"kv_cached_blocks\"") })
    #expect(overSocket.count == inProcess.count)
    for (socket, core) in zip(overSocket, inProcess).dropFirst() {
      #expect(socket.drop { $0 != "," } == core.drop { $0 != "," })
    }
  }

  @Test func statusAndRequestsFollowAnEngine() async throws {
    try await RunningSidecar.with { directory in
      let engine = try WireClient(path: directory + "/engine.sock")
      let epoch = try #require(
        try engine.call(.register, message: try JSONValue(parsing: Conversation.engine)).message["epoch"]?.integerValue)
      let step = Conversation.step(epoch: epoch, seq: 1, Conversation.arrival(7))
      #expect(try engine.call(.step, message: try JSONValue(parsing: step)).code == .ok)
      let admin = try WireClient(path: directory + "/admin.sock")
      let status = try admin.call(.status).message
      let session = try #require(status["sessions"]?[0])
      #expect(session["state"] == "live")
      #expect(session["server_id"] == "node")
      #expect(session["waiting"] == 1)
      #expect(session["steps"] == 1)
      let group = try #require(session["groups"]?[0])
      #expect(group["waiting"] == 1 && group["prompt_tokens"] == 32)
      #expect(group["class"]?.stringValue?.isEmpty == false)
      #expect(try #require(group["wait_us"]?.integerValue) <= #require(group["wait_most_us"]?.integerValue))
      #expect(session["peer_uid"]?.integerValue != nil)
      let requests = try #require(try admin.call(.requests).message["sessions"]?[0])
      #expect(requests["total"] == 1)
      #expect(requests["requests"]?[0]?["id"] == "r7")
      #expect(requests["requests"]?[0]?["class"] == "chat")
      engine.close()
      var sessions = try admin.call(.status).message["sessions"]?.arrayValue
      // The end of the stream reaches the sidecar's loop a moment later.
      for _ in 0..<100 where sessions?.isEmpty == false {
        usleep(10_000)
        sessions = try admin.call(.status).message["sessions"]?.arrayValue
      }
      #expect(sessions == [])
    }
  }

  @Test func aStatelessPlanNeedsNoSession() async throws {
    try await RunningSidecar.with { directory in
      let engine = try WireClient(path: directory + "/engine.sock")
      let message = try JSONValue(
        parsing: #"{"register":\#(Conversation.engine),"step":{"kv_free_blocks":[100],\#(Conversation.arrival(3))}}"#)
      let reply = try engine.call(.plan, message: message)
      #expect(reply.message["plan"]?["run"] == ["h": [3], "n": [32]])
      let broken = try JSONValue(
        parsing: #"{"register":\#(Conversation.engine),"step":{"kv_free_blocks":[1,2]},"policy":{"version":1}}"#)
      let error = try engine.call(.plan, message: broken).error
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test func aStatelessPlanTakesAQueueLongerThanOneStep() throws {
    let count = 2_000
    let names: JSONValue = ["acme", "chat"]
    func column(_ value: (Int) -> JSONValue) -> JSONValue { .array((0..<count).map(value)) }
    let arrived: JSONValue = [
      "h": column { JSONValue($0) }, "id": column { .string("r\($0)") }, "tenant": column { _ in 0 },
      "class": column { _ in 1 }, "prompt": column { _ in 16 }, "max_output": column { _ in 8 },
      "age_us": column { JSONValue(count - $0) },
    ]
    let reply = try StatelessPlan.answer(
      [
        "register": try JSONValue(parsing: Conversation.engine),
        "step": ["kv_free_blocks": [100], "names": names, "arrived": arrived],
      ], policy: PolicyDocument.preset("vllm-v1")!, resources: .unknown)
    // 64 tokens fit into one iteration; who has waited longest goes first.
    #expect(reply["plan"]?["run"] == ["h": [0, 1, 2, 3], "n": [16, 16, 16, 16]])
  }

  @Test func policiesAreShownAndChecked() async throws {
    try await RunningSidecar.with { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      #expect(try admin.call(.policyGet).message["name"] == "vllm-v1")
      let typo: JSONValue = ["policy": ["version": 1, "name": "x", "preset": "vllm-v1", "queue": ["orderng": "fcfs"]]]
      let verdict = try admin.call(.policyValidate, message: typo).message
      #expect(verdict["valid"] == false)
      #expect(verdict["errors"]?[0]?["pointer"] == "/queue/orderng")
      #expect(verdict["errors"]?[0]?["did_you_mean"] == "ordering")
    }
  }

  @discardableResult
  private static func run(
    _ link: RecordingLink, _ prefix: PrefixOptions? = nil, kvTokens: Int? = nil
  ) throws -> Scorecard {
    var options = EngineOptions()
    options.prefix = prefix
    options.kvCapacityTokens = kvTokens
    var engine = ReferenceEngine(
      profile: try #require(try GPUProfile.bundled(GPUProfile.defaultName)), options: options, mix: .standard,
      workload: GeneratedWorkload(requests: 40, ratePerS: 20, mix: .standard, seed: 3), link: link)
    let card = try engine.run(clock: { 0 }, onProgress: { _ in true })
    #expect(card.requests == 40)
    return card
  }
}
