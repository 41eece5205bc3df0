import Foundation
import Policy
import SchedulerCore
import Simulator
import Testing
import WireProtocol

@testable import Sidecar

/// Recorded input and policy give recorded plans, byte for byte. `COXSWAIN_RECORD_GOLDEN=1 swift test --filter Golden`
/// records them anew; the difference then belongs into the review.
struct GoldenTests {
  /// A recording of the reference engine: which policy, and what makes it interesting.
  struct Scenario: Sendable, CustomTestStringConvertible {
    var name: String
    var policy: String
    var requests: Int
    var ratePerS: Double
    /// Lines kept of the recording.
    var lines = 250
    var change: @Sendable (inout EngineOptions) -> Void = { _ in }
    var testDescription: String { name }
  }

  static let scenarios = [
    Scenario(name: "vllm-v1", policy: "vllm-v1", requests: 20, ratePerS: 20),
    Scenario(name: "vllm-v1-async", policy: "vllm-v1", requests: 20, ratePerS: 20) { $0.inFlightMax = 2 },
    Scenario(name: "kv-pressure", policy: "vllm-v1", requests: 24, ratePerS: 40, lines: 500) {
      $0.kvCapacityTokens = 6_000
      $0.prefixCaching = false
    },
    Scenario(name: "priority", policy: "vllm-v1-priority", requests: 20, ratePerS: 60) { $0.sequences = 4 },
    Scenario(name: "balanced", policy: "balanced", requests: 20, ratePerS: 40) { $0.stepTokens = 256 },
    Scenario(name: "at-least", policy: "at-least", requests: 30, ratePerS: 60) { $0.sequences = 8 },
    Scenario(name: "exerciser", policy: "exerciser", requests: 8, ratePerS: 20),
    Scenario(name: "prefixes", policy: "exerciser", requests: 24, ratePerS: 60, lines: 200) {
      $0.kvCapacityTokens = 4_000
      $0.prefix = PrefixOptions(verbs: [.kvEvict, .kvPin, .kvPrefetch], unitTokens: 64, tierBytes: 1_000_000_000)
    },
  ]

  /// Written by hand: one situation each, with `check` and `spot` as the engine would count.
  static let handwritten = ["steady-decode", "chunked-prefill", "hold", "sync", "speculation", "at-least-wakes"]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden")

  static let isRecording = ProcessInfo.processInfo.environment["COXSWAIN_RECORD_GOLDEN"] == "1"

  @Test(arguments: scenarios)
  func plansAreTheRecordedOnes(scenario: Scenario) throws {
    if Self.isRecording { try record(scenario) }
    try check(scenario.name)
  }

  @Test(arguments: handwritten)
  func plansForHandwrittenStepsAreTheRecordedOnes(name: String) throws {
    if Self.isRecording { try recordReplies(name) }
    try check(name)
  }

  /// Every folder is read by somebody.
  @Test func noRecordingIsForgotten() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { !$0.hasPrefix(".") }
    #expect(Set(folders) == Set(Self.scenarios.map(\.name) + Self.handwritten))
  }

  private func check(_ name: String) throws {
    let input = try lines(name, "input.jsonl")
    let expected = try lines(name, "expected.jsonl")
    #expect(expected.count == input.count)
    let found = try replies(to: input, try policy(name))
    for (index, (found, expected)) in zip(found, expected).enumerated() where found != expected {
      Issue.record("line \(index + 1): found \(found.prefix(400)), expected \(expected.prefix(400))")
      return
    }
  }

  /// One reply line for every message line; the first message is Register, the others are Steps.
  private func replies(to input: [String], _ policy: PolicyDocument) throws -> [String] {
    let registry = SessionRegistry(
      policy: ActivePolicy(document: policy, generation: 1), limits: SidecarLimits(), firstEpoch: 0, checksPlans: true)
    let conversation = Conversation(registry)
    return try input.enumerated().map { index, line in
      guard index > 0 else { return try conversation.session.register(try JSONValue(parsing: line)).text }
      let reply = try conversation.step(line)
      #expect(reply.code == .ok, "line \(index + 1): \(reply.error?.message ?? "")")
      return reply.message.text
    }
  }

  private func record(_ scenario: Scenario) throws {
    var options = EngineOptions()
    scenario.change(&options)
    let policy = try #require(PolicyDocument.preset(scenario.policy))
    let recording = SentMessages()
    var engine = ReferenceEngine(
      profile: try #require(try GPUProfile.bundled(GPUProfile.defaultName)), options: options, mix: .standard,
      workload: GeneratedWorkload(
        requests: scenario.requests, ratePerS: scenario.ratePerS, mix: .standard, seed: 7),
      link: RecordingLink(CoreLink(policy: policy.config), recording))
    _ = try engine.run(clock: { 0 }, onProgress: { _ in true })
    try FileManager.default.createDirectory(at: file(scenario.name, ""), withIntermediateDirectories: true)
    try Data((policy.json.pretty() + "\n").utf8).write(to: file(scenario.name, "policy.json"))
    try write(Array(recording.lines.prefix(scenario.lines)), scenario.name, "input.jsonl")
    try recordReplies(scenario.name)
  }

  private func recordReplies(_ name: String) throws {
    try write(try replies(to: try lines(name, "input.jsonl"), try policy(name)), name, "expected.jsonl")
  }

  private func policy(_ name: String) throws -> PolicyDocument {
    try PolicyDocument.decode(bytes: Array(Data(contentsOf: file(name, "policy.json"))))
  }

  private func file(_ name: String, _ file: String) -> URL { Self.folder.appending(path: name).appending(path: file) }

  private func lines(_ name: String, _ file: String) throws -> [String] {
    try String(contentsOf: self.file(name, file), encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private func write(_ lines: [String], _ name: String, _ file: String) throws {
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: self.file(name, file))
  }
}
