import Policy
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// `Policy/DryRun` and what the closed loop is fed with.
struct DryRunTests {
  private static func dryRun(_ directory: String, _ policy: JSONValue, steps: Int = 50) throws -> Reply {
    try WireClient(path: directory + "/admin.sock").call(
      .policyDryRun, message: ["policy": policy, "steps": JSONValue(steps)])
  }

  @Test func thePolicyInForceChangesNothingAndASmallBudgetDoes() async throws {
    try await RunningSidecar.with(policy: "vllm-v1") { directory in
      try RecordedRun.engine(directory, requests: 60)
      let same = try #require(try Self.dryRun(directory, ["version": 1, "name": "same"]).message["result"])
      #expect(same["steps"] == 50)
      #expect(same["same_plans"] == 50)
      #expect(same["same_orders"] == 50)
      #expect(same["before"] == same["after"])
      let reply = try Self.dryRun(directory, ["version": 1, "name": "small", "batch": ["step_tokens": 1]])
      let small = try #require(reply.message["result"])
      #expect(reply.message["changes"]?[0]?["pointer"] == "/batch/step_tokens")
      let steps = try #require(small["steps"]?.integerValue)
      let tokens = try #require(small["after"]?["tokens"]?.integerValue)
      #expect(tokens <= steps)
      #expect(tokens < small["before"]?["tokens"]?.integerValue ?? 0)
      #expect(small["examples"]?.arrayValue?.isEmpty == false)
      // Nothing was applied.
      let status = try WireClient(path: directory + "/admin.sock").call(.status).message
      #expect(status["policy"]?["generation"] == 1)
    }
  }

  @Test func wrongRequestsAreRefused() async throws {
    try await RunningSidecar.with { directory in
      let unrecorded = try Self.dryRun(directory, ["version": 1, "name": "x"])
      #expect(unrecorded.error?.details["reason"] == "NOTHING_RECORDED")
      #expect(try Self.dryRun(directory, [:]).error?.details["reason"] == "INVALID_POLICY")
      #expect(try Self.dryRun(directory, ["version": 1, "name": "x"], steps: 0).code == .invalidArgument)
    }
  }

  @Test func recordedTrafficIsWhatTheEngineSent() async throws {
    let text = try await RunningSidecar.with(policy: "balanced") { directory in
      try RecordedRun.engine(directory, requests: 60, kvTokens: 30_000)
      return try RecordedRun.text(directory)
    }
    let traffic = try RecordedTraffic(try RecordingReader.read(text))
    #expect(traffic.requests.count == 60)
    #expect(Set(traffic.requests.map(\.id)).count == 60)
    #expect(traffic.requests.count { $0.isGuessed } <= 1)
    #expect(zip(traffic.requests, traffic.requests.dropFirst()).allSatisfy { $0.arrivalUs <= $1.arrivalUs })
    #expect(traffic.requests.allSatisfy { $0.outputTokens > 0 && $0.promptTokens > 0 })
    #expect(traffic.engine?.serverID == "reference-engine")
  }
}
