import Foundation
import Glibc
import Policy
import Simulator
import Synchronization
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// Changing the policy of a running sidecar, over the real socket.
struct LivePolicyTests {
  private static func policy(_ name: String, preset: String = "balanced", _ more: JSONObject = [:]) -> JSONValue {
    var json: JSONObject = ["version": 1, "name": .string(name), "preset": .string(preset)]
    for member in more.members { json[member.name] = member.value }
    return .object(json)
  }

  private static func admin(_ directory: String) throws -> WireClient {
    try WireClient(path: directory + "/admin.sock")
  }

  private static func status(_ admin: WireClient) throws -> JSONValue {
    try #require(try admin.call(.status).message["policy"])
  }

  @Test func aPolicyReachesEverySessionBetweenTwoSteps() async throws {
    try await RunningSidecar.with { directory in
      let engine = try WireClient(path: directory + "/engine.sock")
      let reply = try engine.call(.register, message: try JSONValue(parsing: Conversation.engine)).message
      #expect(reply["policy_generation"] == 1)
      let epoch = try #require(reply["epoch"]?.integerValue)
      func step(_ seq: Int, _ members: String) throws -> JSONValue {
        let reply = try engine.call(
          .step, message: try JSONValue(parsing: Conversation.step(epoch: epoch, seq: seq, members)))
        return try #require(reply.message["plan"], "\(reply)")
      }
      let admin = try Self.admin(directory)
      _ = try step(1, Conversation.arrival(1))
      // The limit of running requests holds from the very next Step on.
      let applied = try admin.call(
        .policyApply,
        message: ["policy": Self.policy("one", preset: "vllm-v1", ["batch": ["sequences": 1]]), "comment": "test"])
      #expect(applied.message["generation"] == 2)
      #expect(applied.message["previous_name"] == "vllm-v1")
      #expect(applied.message["sessions"] == 1)
      let settled = #","settled":[{"seq":1,"elapsed_us":5}]"#
      let held = try step(2, Conversation.arrival(2, names: false) + settled)
      #expect(held["run"]?["h"] != [1, 2])
      #expect(held["reasons"]?.arrayValue?.contains { $0[1] == "waiting_sequences" } == true)
      let back = try admin.call(.policyRollback)
      #expect(back.message["generation"] == 3)
      #expect(back.message["restored_generation"] == 1)
      let free = try step(3, #""settled":[{"seq":2,"elapsed_us":5}]"#)
      #expect(free["run"]?["h"]?.arrayValue?.contains(2) == true)
      // The recording has all three policies, and the same plans.
      let recording = try RecordingReader.read(try RecordedRun.text(directory))
      var generations = recording.segments.map(\.start.policy.generation)
      for segment in recording.segments {
        #expect(try Replayer.run(segment) == 3)
        segment.forEachEntry { entry in
          if case .policy(let policy) = entry { generations.append(policy.generation) }
          return true
        }
      }
      #expect(generations == [1, 2, 3])
    }
  }

  /// The engine registered model m: it gets that entry's limit of running requests, and its recording replays.
  @Test func anEngineGetsTheSettingsOfItsModel() async throws {
    try await RunningSidecar.with { directory in
      let admin = try Self.admin(directory)
      func apply(_ model: String) throws {
        let own: JSONValue = ["name": .string(model), "batch": ["sequences": 1]]
        _ = try admin.call(.policyApply, message: ["policy": Self.policy("own", preset: "vllm-v1", ["models": [own]])])
      }
      try apply("m")
      let engine = try WireClient(path: directory + "/engine.sock")
      let reply = try engine.call(.register, message: try JSONValue(parsing: Conversation.engine)).message
      let epoch = try #require(reply["epoch"]?.integerValue)
      func plan(_ seq: Int, _ members: String) throws -> JSONValue {
        let step = try JSONValue(parsing: Conversation.step(epoch: epoch, seq: seq, members))
        return try #require(try engine.call(.step, message: step).message["plan"])
      }
      _ = try plan(1, Conversation.arrival(1))
      let held = try plan(2, Conversation.arrival(2, names: false) + #","settled":[{"seq":1,"elapsed_us":5}]"#)
      #expect(held["reasons"]?.arrayValue?.contains { $0[1] == "waiting_sequences" } == true)
      try apply("another")
      let free = try plan(3, #""settled":[{"seq":2,"elapsed_us":5}]"#)
      #expect(free["run"]?["h"]?.arrayValue?.contains(2) == true)
      let recording = try RecordingReader.read(try RecordedRun.text(directory))
      for segment in recording.segments { #expect(try Replayer.run(segment) == 3) }
    }
  }

  @Test func anInvalidPolicyChangesNothingAndStatusSaysWhy() async throws {
    try await RunningSidecar.with { directory in
      let admin = try Self.admin(directory)
      #expect(try Self.status(admin)["last_update_failed"] == false)
      let wrong = Self.policy("wrong", ["batch": ["step_token": 5]])
      let refused = try admin.call(.policyApply, message: ["policy": wrong])
      #expect(refused.code == .invalidArgument)
      #expect(refused.error?.details["reason"] == "INVALID_POLICY")
      #expect(refused.error?.details["field"] == "/policy/batch/step_token")
      #expect(refused.error?.details["errors"]?[0]?["did_you_mean"] == "step_tokens")
      var status = try Self.status(admin)
      #expect(status["generation"] == 1)
      #expect(status["failed_configuration"] == wrong)
      #expect(status["details"]?.stringValue?.contains("step_tokens") == true)
      #expect(status["failed_by_uid"]?.integerValue == Int(getuid()))
      #expect(status["last_update_attempt"]?.stringValue?.hasSuffix("Z") == true)
      #expect(try admin.call(.policyApply, message: ["policy": Self.policy("right")]).code == .ok)
      status = try Self.status(admin)
      #expect(status["last_update_failed"] == false)
      #expect(status["failed_configuration"] == .null)
      #expect(status["applied_by_uid"]?.integerValue == Int(getuid()))
    }
  }

  @Test func wrongChangesAreRefused() async throws {
    try await RunningSidecar.with { directory in
      let admin = try Self.admin(directory)
      func reason(_ method: WireMethod, _ message: JSONValue) throws -> JSONValue? {
        try admin.call(method, message: message).error?.details["reason"]
      }
      #expect(try reason(.policyApply, [:]) == "INVALID")
      #expect(try reason(.policyApply, ["policy": 7]) == "INVALID_POLICY")
      let good: JSONValue = ["policy": Self.policy("x"), "expected_generation": 2]
      #expect(try reason(.policyApply, good) == "GENERATION_CONFLICT")
      #expect(
        try reason(.policyApply, ["policy": Self.policy("x"), "comment": .string(String(repeating: "x", count: 501))])
          == "INVALID")
      #expect(try reason(.policyRollback, [:]) == "UNKNOWN_GENERATION")
      #expect(try reason(.policyRollback, ["generation": 9]) == "UNKNOWN_GENERATION")
      #expect(try reason(.policyRollback, ["generation": 0]) == "INVALID")
      #expect(try reason(.policyHistory, ["limit": 0]) == "INVALID")
      let engine = try WireClient(path: directory + "/engine.sock")
      for method in [WireMethod.policyApply, .policyRollback, .policyHistory] {
        #expect(try engine.call(method).code == .permissionDenied)
      }
      #expect(try Self.status(admin)["generation"] == 1)
    }
  }

  @Test func historySaysWhoDidWhat() async throws {
    try await RunningSidecar.with { directory in
      let admin = try Self.admin(directory)
      for name in ["a", "b"] {
        _ = try admin.call(.policyApply, message: ["policy": Self.policy(name), "comment": .string("why \(name)")])
      }
      _ = try admin.call(.policyRollback, message: ["generation": 1])
      let entries = try #require(try admin.call(.policyHistory).message["entries"]?.arrayValue)
      #expect(entries.map { $0["generation"] } == [4, 3, 2, 1])
      #expect(entries.map { $0["source"] } == ["rollback", "apply", "apply", "start"])
      #expect(entries.map { $0["name"] } == ["vllm-v1", "b", "a", "vllm-v1"])
      #expect(entries[0]["restored_generation"] == 1)
      #expect(entries[1]["comment"] == "why b")
      #expect(entries[1]["uid"]?.integerValue == Int(getuid()))
      #expect(entries[1]["pid"]?.integerValue == Int(getpid()))
      #expect(entries[3]["uid"] == .null)
      #expect(entries[1]["policy"] == Self.policy("b"))
      #expect(try admin.call(.policyHistory, message: ["limit": 1]).message["entries"]?.arrayValue?.count == 1)
    }
  }

  @Test func aChangedFileIsReadAgain() async throws {
    let (reloads, continuation) = AsyncStream<Void>.makeStream()
    let file = Mutex(Self.policy("first"))
    let source = PolicySource(load: { PolicyLoad(bytes: Array(file.withLock { $0 }.text.utf8)) }, reloads: reloads)
    try await RunningSidecar.with(source: source) { directory in
      let admin = try Self.admin(directory)
      func wait(for value: JSONValue, _ name: String) throws {
        for _ in 0..<500 where try Self.status(admin)[name] != value { usleep(10_000) }
        #expect(try Self.status(admin)[name] == value)
      }
      file.withLock { $0 = Self.policy("second") }
      continuation.yield()
      try wait(for: "second", "name")
      #expect(try Self.status(admin)["source"] == "reload")
      file.withLock { $0 = ["version": 1] }
      continuation.yield()
      try wait(for: true, "last_update_failed")
      #expect(try Self.status(admin)["name"] == "second")
      #expect(try Self.status(admin)["failed_source"] == "reload")
      #expect(try Self.status(admin)["failed_configuration"] == ["version": 1])
    }
  }

  /// Changes as fast as they go while an engine runs at full speed: every request is served, by the sidecar's plans.
  @Test func aStormOfChangesLosesNothing() async throws {
    try await RunningSidecar.with { directory in
      let state = Mutex((isOver: false, applied: 0, refused: 0))
      let storm = Thread {
        guard let admin = try? Self.admin(directory) else { return }
        var n = 0
        while !state.withLock({ $0.isOver }) {
          n += 1
          let policy: JSONValue =
            n.isMultiple(of: 3)
            ? ["version": 1] : Self.policy("storm-\(n)", preset: n.isMultiple(of: 2) ? "vllm-v1-priority" : "sarathi")
          guard let reply = try? admin.call(.policyApply, message: ["policy": policy]) else { return }
          state.withLock { state in
            if reply.code == .ok { state.applied += 1 } else { state.refused += 1 }
          }
        }
      }
      storm.start()
      try RecordedRun.engine(directory, requests: 150, kvTokens: 40_000)
      // Before the connection is gone its counters are; the recording has every Step's outcome.
      state.withLock { $0.isOver = true }
      let recording = try RecordingReader.read(try RecordedRun.text(directory))
      var outcomes: Set<StepOutcome> = []
      for segment in recording.segments {
        try Replayer.run(
          segment,
          onStep: { _, step in
            outcomes.insert(step.outcome)
            return true
          })
      }
      #expect(outcomes.isSubset(of: [.sync, .planned]))
      #expect(state.withLock { $0.applied } > 1)
      #expect(state.withLock { $0.refused } > 0)
    }
  }
}
