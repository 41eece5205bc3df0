import Foundation
import Policy
import SchedulerCore
import Simulator
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// What the sidecar records can be replayed, and what is wrong with a recording is found.
struct RecordingTests {
  private static func run(_ recording: Recording) throws -> Int {
    var steps = 0
    for segment in recording.segments { steps += try Replayer.run(segment) }
    return steps
  }

  @Test(
    arguments: [("vllm-v1", 1, nil), ("balanced", 2, 20_000), ("sarathi", 1, 20_000), ("exerciser", 2, nil)]
      as [(String, Int, Int?)])
  func aRunReplaysByteForByte(_ policy: String, _ inFlight: Int, _ kvTokens: Int?) async throws {
    let text = try await RunningSidecar.with(policy: policy) { directory in
      try RecordedRun.engine(directory, inFlight: inFlight, kvTokens: kvTokens)
      return try RecordedRun.text(directory)
    }
    let recording = try RecordingReader.read(text)
    #expect(recording.segments.first?.start.seq == 0)
    #expect(recording.stepCount > 100)
    #expect(try Self.run(recording) == recording.stepCount)
    // The file says all that was in memory.
    #expect(try RecordedRun.text(of: recording) == text)
  }

  /// What the core believes of the prefix cache is in the copies that segments start from.
  @Test func aRunWithNamedPrefixesReplaysByteForByte() async throws {
    let ring = RecordedRun.smallRing()
    let (text, card) = try await RunningSidecar.with(limits: ring, policy: "exerciser") { directory in
      let card = try RecordedRun.engine(
        directory, requests: 80, kvTokens: 6_000,
        prefix: PrefixOptions(verbs: [.kvEvict, .kvPin, .kvPrefetch], unitTokens: 64, tierBytes: 1_000_000_000))
      return (try RecordedRun.text(directory), card.json["prefix_cache"])
    }
    let recording = try RecordingReader.read(text)
    #expect(try #require(recording.segments.first).start.seq > 0)
    #expect(try Self.run(recording) == recording.stepCount)
    for figure in ["evicted_by_plan_units", "pinned_units"] {
      #expect(card?[figure]?.integerValue ?? 0 > 0, "\(figure)")
    }
  }

  @Test func aRingThatForgotItsBeginningReplaysFromACopyOfTheCore() async throws {
    let text = try await RunningSidecar.with(limits: RecordedRun.smallRing(), policy: "balanced") { directory in
      try RecordedRun.engine(directory, requests: 200, kvTokens: 30_000)
      return try RecordedRun.text(directory)
    }
    let recording = try RecordingReader.read(text)
    #expect(recording.segments.count > 1)
    #expect(try #require(recording.segments.first).start.seq > 100)
    for (segment, next) in zip(recording.segments, recording.segments.dropFirst()) {
      #expect(segment.start.seq + UInt64(segment.stepCount) == next.start.seq)
    }
    #expect(try Self.run(recording) == recording.stepCount)
    // Entries with their headers never take more than the ring.
    #expect(recording.segments.reduce(0) { $0 + $1.byteCount } <= RecordedRun.smallRing().recording.bytes)
  }

  @Test func everyOutcomeReplays() throws {
    let conversation = Conversation()
    try conversation.register()
    _ = try conversation.step(epoch: 1_001, seq: 1, Conversation.arrival(1) + #","sync":true"#)
    _ = try conversation.step(epoch: 1_001, seq: 2, Conversation.arrival(2, names: false))
    conversation.session.publish(
      ActivePolicy(document: try #require(PolicyDocument.preset("vllm-v1-priority")), generation: 4))
    let settled = #""settled":[{"seq":2,"elapsed_us":5}]"#
    _ = try conversation.step(Conversation.step(epoch: 1_001, seq: 3, settled), timeoutUs: 1)
    conversation.session.publish(Self.machine)
    _ = try conversation.step(
      Conversation.step(epoch: 1_001, seq: 4, #""launched":{"seq":3,"mode":"none"}"#), isCancelled: true)
    _ = try conversation.step(epoch: 1_001, seq: 5, #""launched":{"seq":4,"mode":"none"}"#)
    _ = try conversation.step(epoch: 1_001, seq: 6, #""check":[9,9,9,9,9]"#)
    try conversation.register()
    _ = try conversation.step("no JSON")
    let recording = Recording(
      origin: Recording.Origin(version: "test", writtenAtUnixMs: 0), segments: conversation.session.recording())
    let again = try RecordingReader.read(try RecordedRun.text(of: recording))
    for recording in [recording, again] {
      var outcomes: [StepOutcome] = []
      for segment in recording.segments {
        try Replayer.run(
          segment,
          onStep: { _, step in
            outcomes.append(step.outcome)
            return true
          })
      }
      #expect(outcomes == [.sync, .planned, .late, .cancelled, .planned, .rejected, .rejected])
      #expect(recording.segments.count == 2)
    }
    var changes = 0
    again.segments[0].forEachEntry { entry in
      switch entry {
      case .policy(let policy): changes += policy.generation
      case .resources(let machine): changes += machine == Self.machine ? 100 : 0
      case .step: break
      }
      return true
    }
    #expect(changes == 104)
  }

  private static let machine = ResourceSnapshot(
    generation: 7, memoryHeadroomBytes: Leaf(value: 5, status: .ok, ageMs: 1),
    memoryPressureCentipercent: Leaf(value: nil, status: .denied, ageMs: nil), memoryLevel: .none,
    numaNodes: [
      .init(
        osIndex: 0, cpus: [0, 1], totalBytes: Leaf(value: 1, status: .ok, ageMs: 0),
        freeBytes: Leaf(value: 1, status: .stale, ageMs: 9))
    ])

  // MARK: - Damage

  /// A recording of a few steps, as text.
  private static func shortRecording() async throws -> [UInt8] {
    try await RunningSidecar.with { directory in
      try RecordedRun.engine(directory, requests: 3)
      return try RecordedRun.text(directory)
    }
  }

  @Test func aChangedBitIsNamedByStep() async throws {
    let text = try await Self.shortRecording()
    let lines = RecordedRun.lines(text)
    #expect(lines.count > 20)
    var random = SeededGenerator(seed: 5)
    // Every reading decodes the whole core, so a dozen lines must do, the first and the last ones among them.
    for (number, line) in lines.enumerated()
    where number < 3 || number.isMultiple(of: lines.count / 8) || number > lines.count - 3 {
      for _ in 0..<2 {
        var damaged = text
        let offset = Int.random(in: line.indices.lowerBound..<line.indices.upperBound, using: &random)
        damaged[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        let error = #expect(throws: RecordingError.self, "byte \(offset)") { try RecordingReader.read(damaged) }
        #expect(error?.line == number + 1, "byte \(offset)")
        guard number >= 2, number < lines.count - 1 else { continue }
        #expect(error?.place == "step \(number - 1) of s-1", "byte \(offset)")
      }
    }
  }

  @Test func aCutRecordingIsNoRecording() async throws {
    let text = try await Self.shortRecording()
    for count in stride(from: 0, to: text.count, by: max(1, text.count / 12)) {
      #expect(throws: RecordingError.self, "\(count) bytes") { try RecordingReader.read(Array(text[..<count])) }
    }
    #expect(throws: RecordingError.self) { try RecordingReader.read(text + Array("x\n".utf8)) }
    // A line that is missing as a whole has no checksum to tell.
    let lines = RecordedRun.lines(text)
    let without = lines[..<10] + lines[11...]
    #expect(throws: (any Error).self) { try Self.run(try RecordingReader.read(Array(without.joined()))) }
  }

  /// With the checksum made right again, the plan itself tells.
  @Test func aChangeUnderARightChecksumIsNamedByStep() async throws {
    let text = try await Self.shortRecording()
    var lines = RecordedRun.lines(text)
    let index = try #require(lines.firstIndex { String(decoding: $0, as: UTF8.self).contains(#""arrived":{"h""#) })
    let record = String(decoding: lines[index].dropFirst(9).dropLast(), as: UTF8.self)
    let changed = record.replacing(/"prompt":\[/, with: #""prompt":[1"#)
    try #require(changed != record)
    lines[index] = RecordedRun.sealed(changed)[...]
    let recording = try RecordingReader.read(Array(lines.joined()))
    let difference = #expect(throws: ReplayDifference.self) { _ = try Self.run(recording) }
    #expect(difference?.seq == UInt64(index - 1))
    #expect(difference?.recorded != difference?.replayed)
  }

  // MARK: - Without names

  @Test func hashedRecordingsHaveNoNamesAndTheSamePlans() async throws {
    var limits = RecordedRun.smallRing()
    limits.recording.bytes = 512 << 10
    let text = try await RunningSidecar.with(limits: limits, policy: "vllm-v1-priority") { directory in
      try RecordedRun.engine(directory, requests: 150, kvTokens: 30_000)
      return try RecordedRun.text(directory)
    }
    let recording = try RecordingReader.read(text)
    var pseudonyms = Pseudonyms(key: (1, 2))
    let hashed = try pseudonyms.hashed(recording)
    #expect(try Self.run(hashed) == recording.stepCount)
    let plain = String(decoding: text, as: UTF8.self)
    let secret = String(decoding: try RecordedRun.text(of: hashed), as: UTF8.self)
    let lists = plain.matches(of: /"ids?":\[("[^\]]+)\]/).map { "[\($0.1)]" }
    let ids = try lists.flatMap { try JSONValue(parsing: $0).arrayValue ?? [] }.compactMap(\.stringValue)
    #expect(recording.segments.count > 1)
    #expect(ids.count > 20)
    for id in ids { #expect(!secret.contains("\"\(id)\"")) }
    #expect(secret.contains("\"hashed\":true"))
    var other = Pseudonyms(key: (3, 4))
    #expect(String(decoding: try RecordedRun.text(of: other.hashed(recording)), as: UTF8.self) != secret)
  }

  // MARK: - Over the wire

  @Test func nothingRecordedAndUnknownSessionsAreNotFound() async throws {
    try await RunningSidecar.with { directory in
      let empty = #expect(throws: CallError.self) { try RecordedRun.text(directory) }
      #expect(empty?.details["reason"] == "NOTHING_RECORDED")
      try RecordedRun.engine(directory, requests: 2)
      let unknown = #expect(throws: CallError.self) { try RecordedRun.text(directory, ["session": "s-9"]) }
      #expect(unknown?.details["reason"] == "UNKNOWN_SESSION")
      #expect(try RecordingReader.read(RecordedRun.text(directory, ["session": "s-1"])).stepCount > 10)
      let engine = try WireClient(path: directory + "/engine.sock")
      #expect(try engine.call(.record).code == .permissionDenied)
    }
  }

  @Test func theLastConnectionsStayWhenTheyAreGone() async throws {
    try await RunningSidecar.with { directory in
      for seed in 1...6 { try RecordedRun.engine(directory, requests: 2, seed: UInt64(seed)) }
      var sessions: [String] = []
      // The end of the last connection may be noticed after the answer, on a busy machine.
      for _ in 0..<100 where sessions.count != 4 {
        if !sessions.isEmpty { usleep(50_000) }
        sessions = try RecordingReader.read(RecordedRun.text(directory)).segments.map(\.start.session)
      }
      #expect(sessions == ["s-3", "s-4", "s-5", "s-6"])
    }
  }
}
