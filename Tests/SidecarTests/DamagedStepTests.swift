import Foundation
import Policy
import Testing
import WireProtocol

@testable import Sidecar

/// Whatever an engine sends, the sidecar answers each Step once and goes on.
struct DamagedStepTests {
  /// Numbers at which arithmetic goes wrong, if it does.
  private static let extremes = [
    "0", "-1", "1", "255", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993",
    "4611686018427387904", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e3", "1.5", "null",
    "[]", "{}", "\"x\"", "true",
  ]

  /// `COXSWAIN_DAMAGE_ROUNDS` runs more of them.
  private static let rounds =
    ProcessInfo.processInfo.environment["COXSWAIN_DAMAGE_ROUNDS"].flatMap { Int($0) } ?? 20

  @Test(arguments: ["vllm-v1-async", "kv-pressure", "exerciser", "speculation", "sync", "hold"])
  func damagedStepsAreAnsweredOnceAndHarmNothing(recording: String) throws {
    let (lines, policy) = try Self.load(recording)
    for round in 0..<Self.rounds {
      let seed = UInt64(round)
      try play(lines, policy, seed: seed, "recording \(recording), seed \(seed)")
    }
  }

  /// An engine that describes itself oddly is refused, or served within what it said.
  @Test(arguments: ["vllm-v1-async", "kv-pressure", "exerciser", "speculation"])
  func damagedRegistersAreRefusedOrServed(recording: String) throws {
    let (lines, policy) = try Self.load(recording)
    for round in 0..<Self.rounds {
      var random = SeededGenerator(seed: UInt64(round))
      let comment = "recording \(recording), seed \(round)"
      let conversation = Conversation(Self.registry(policy))
      let bytes = withExtreme(Array(lines[0]), &random)
      guard let message = try? JSONValue(parsing: bytes) else { continue }
      do throws(CallError) { _ = try conversation.session.register(message) } catch {
        #expect(error.code == .invalidArgument, "\(comment): \(error)")
        #expect(error.details["field"] != nil, "\(comment): \(error)")
        continue
      }
      for line in lines.dropFirst().prefix(40) {
        let reply = try conversation.step(bytes: line)
        let text = "\(comment): \(reply.error?.message ?? "") after \(String(decoding: bytes, as: UTF8.self))"
        #expect(reply.code == .ok || reply.code == .failedPrecondition, "\(text)")
        if reply.code != .ok { break }
      }
    }
  }

  private static func load(_ recording: String) throws -> (lines: [[UInt8]], policy: PolicyDocument) {
    let folder = GoldenTests.folder.appending(path: recording)
    let policy = try PolicyDocument.decode(bytes: Array(Data(contentsOf: folder.appending(path: "policy.json"))))
    let lines = try String(contentsOf: folder.appending(path: "input.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { Array($0.utf8) }
    return (lines, policy)
  }

  private static func registry(_ policy: PolicyDocument) -> SessionRegistry {
    SessionRegistry(
      policy: ActivePolicy(document: policy, generation: 1), limits: SidecarLimits(), firstEpoch: 0, checksPlans: true)
  }

  /// Plays a recording as it is for a while, then with damage until the mirror is lost.
  private func play(_ lines: [[UInt8]], _ policy: PolicyDocument, seed: UInt64, _ comment: String) throws {
    var random = SeededGenerator(seed: seed)
    let conversation = Conversation(Self.registry(policy))
    _ = try conversation.session.register(try JSONValue(parsing: lines[0]))
    let sound = Int.random(in: 0..<80, using: &random)
    for (index, line) in lines.dropFirst().prefix(100).enumerated() {
      let isDamaged = index >= sound && Int.random(in: 0..<3, using: &random) == 0
      let sent = isDamaged ? damaged(line, &random) : line
      let reply = try conversation.step(bytes: sent)
      let text =
        "\(comment), line \(index + 2): \(reply.error?.message ?? "") to \(String(decoding: sent, as: UTF8.self))"
      if index < sound { #expect(reply.code == .ok, "\(text)") }
      if reply.code == .ok { continue }
      #expect(reply.code == .failedPrecondition, "\(text)")
      #expect(reply.error?.details["reason"] == "RESYNC", "\(text)")
      break
    }
    // Whatever it was, Register mends it.
    let again = try conversation.session.register(try JSONValue(parsing: lines[0]))
    #expect(again["epoch"] == 2, "\(comment)")
  }

  private func damaged(_ line: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return Array(line.prefix(Int.random(in: 0..<line.count, using: &random)))
    case 1:
      var line = line
      line[Int.random(in: 0..<line.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      return line
    default: return withExtreme(line, &random)
    }
  }

  /// Replaces one number.
  private func withExtreme(_ line: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    let starts = line.indices.filter { isDigit(line[$0]) && ($0 == 0 || !isDigit(line[$0 - 1])) }
    guard let start = starts.randomElement(using: &random) else { return line }
    let end = line[start...].firstIndex { !isDigit($0) } ?? line.endIndex
    return line[..<start] + Array(Self.extremes.randomElement(using: &random)!.utf8) + line[end...]
  }
}
