import Policy
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// `Admin/Explain`: a request's life as the recording tells it, over the real socket.
struct ExplainTests {
  /// An engine with 8 sequences and 100 blocks of 16 tokens, of which 64 tokens fit into an iteration.
  private final class Engine {
    private let client: WireClient
    private let epoch: Int
    private var seq = 0
    private var isSettled = true

    init(_ directory: String) throws {
      client = try WireClient(path: directory + "/engine.sock")
      let reply = try client.call(.register, message: try JSONValue(parsing: Conversation.engine)).message
      epoch = try #require(reply["epoch"]?.integerValue)
    }

    /// One Step whose plan runs as it is; returns the plan.
    @discardableResult
    func step(_ members: String = "", freeBlocks: Int = 100) throws -> JSONValue {
      seq += 1
      var parts = members.isEmpty ? [] : [members]
      if !isSettled { parts.append(#""settled":[{"seq":\#(seq - 1),"elapsed_us":900}]"#) }
      let text =
        #"{"epoch":\#(epoch),"seq":\#(seq),"now_us":\#(seq * 1000),"kv_free_blocks":[\#(freeBlocks)]"#
        + parts.map { "," + $0 }.joined() + "}"
      let reply = try client.call(.step, message: try JSONValue(parsing: text))
      if let error = reply.error { throw error }
      let plan = try #require(reply.message["plan"])
      isSettled = plan["run"] == nil && plan["decode"] == nil
      return plan
    }

    static func arrival(_ h: Int, prompt: Int, output: Int = 8, names: Bool = false) -> String {
      (names ? #""names":["acme","chat"],"# : "")
        + #""arrived":{"h":[\#(h)],"id":["r\#(h)"],"tenant":[0],"class":[1],"prompt":[\#(prompt)],"max_output":[\#(output)],"age_us":[0]}"#
    }
  }

  private static func explain(_ directory: String, _ request: String) throws -> Reply {
    try WireClient(path: directory + "/admin.sock").call(.explain, message: ["request": .string(request)])
  }

  private static func events(_ reply: Reply) throws -> [String] {
    try #require(reply.message["history"]?.arrayValue, "\(reply)").compactMap { $0["event"]?.stringValue }
  }

  @Test func theLifeOfARequestIsTold() async throws {
    try await RunningSidecar.with { directory in
      let engine = try Engine(directory)
      try engine.step(Engine.arrival(1, prompt: 100, output: 3, names: true))
      try engine.step(Engine.arrival(2, prompt: 64))
      try engine.step()
      try engine.step()
      try engine.step(#""removed":{"h":[1],"why":["stop"]}"#)
      let first = try Self.explain(directory, "r1")
      #expect(try Self.events(first).prefix(2) == ["arrived", "admitted"])
      #expect(try Self.events(first).suffix(2) == ["first_token", "finished"])
      #expect(first.message["state"] == "finished")
      #expect(first.message["tenant"] == "acme")
      #expect(first.message["class"] == "chat")
      #expect(first.message["now"] == nil)
      // By handle too; nobody ended it.
      let second = try Self.explain(directory, "2")
      #expect(second.message["id"] == "r2")
      #expect(second.message["state"] == "running")
      #expect(try Self.events(second).first == "arrived")
    }
  }

  @Test func whoWaitsLearnsForWhatAndWhatWouldHelp() async throws {
    try await RunningSidecar.with { directory in
      let engine = try Engine(directory)
      try engine.step(Engine.arrival(1, prompt: 32, names: true))
      // 40 tokens need 3 blocks; one is free.
      for _ in 0..<5 { try engine.step(freeBlocks: 1) }
      try engine.step(Engine.arrival(2, prompt: 40), freeBlocks: 1)
      for _ in 0..<3 { try engine.step(freeBlocks: 1) }
      let reply = try Self.explain(directory, "r2")
      let passed = try #require(reply.message["history"]?.arrayValue?.last)
      #expect(passed["event"] == "passed_over")
      #expect(passed["reason"] == "waiting_kv")
      #expect(passed["steps"] == 4)
      #expect(reply.message["state"] == "waiting")
      let now = try #require(reply.message["now"])
      #expect(now["ahead"] == 0)
      let waitUs = try #require(now["wait_us"]?.integerValue)
      #expect(try #require(now["wait_most_us"]?.integerValue) >= waitUs && waitUs > 0)
      #expect(now["binding"]?["reason"] == "waiting_kv")
      let helps = try #require(now["would_run_next"]?.arrayValue)
      func runsNext(_ change: String) -> JSONValue? { helps.first { $0["change"] == .string(change) }?["runs_next"] }
      #expect(runsNext("nothing changes") == false)
      #expect(runsNext("every KV block is free") == true)
      #expect(runsNext("its class goes before all others") == false)
    }
  }

  @Test func aRequestThatWasThereBeforeTheRecordingIsFound() async throws {
    var limits = RecordedRun.smallRing()
    limits.recording.bytes = 16 << 10
    limits.recording.chunkBytes = 1 << 10
    try await RunningSidecar.with(limits: limits) { directory in
      let engine = try Engine(directory)
      try engine.step(Engine.arrival(1, prompt: 16, output: 4000, names: true))
      for _ in 0..<400 { try engine.step() }
      let reply = try Self.explain(directory, "r1")
      #expect(reply.message["state"] == "running")
      #expect(try Self.events(reply).contains("arrived") == false)
    }
  }

  @Test func unknownRequestsAreNotFound() async throws {
    try await RunningSidecar.with { directory in
      #expect(try Self.explain(directory, "r1").error?.details["reason"] == "NOTHING_RECORDED")
      let engine = try Engine(directory)
      try engine.step(Engine.arrival(1, prompt: 16, names: true))
      #expect(try Self.explain(directory, "r9").error?.details["reason"] == "UNKNOWN_REQUEST")
      #expect(try Self.explain(directory, "77").error?.details["reason"] == "UNKNOWN_REQUEST")
      let admin = try WireClient(path: directory + "/admin.sock")
      #expect(try admin.call(.explain).code == .invalidArgument)
    }
  }
}
