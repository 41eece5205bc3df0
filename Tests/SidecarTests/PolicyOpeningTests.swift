import Foundation
import Glibc
import Logging
import Policy
import Testing
import WireClient
import WireProtocol

@testable import Sidecar

/// Which policy a sidecar starts with, and what is on disk after any end.
struct PolicyOpeningTests {
  private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func folder() -> String {
    FileManager.default.temporaryDirectory.appending(path: "coxswain-policies-\(UUID().uuidString)").path
  }

  private static func load(_ text: String) -> PolicyLoad { PolicyLoad(bytes: Array(text.utf8)) }

  private static func policy(_ name: String) -> String { #"{"version":1,"name":"\#(name)"}"# }

  private static func open(_ text: String, _ folder: String?) throws -> PolicyOpening {
    try PolicyOpening.open(load(text), stateDirectory: folder, limit: 10, log: log)
  }

  private static func append(_ name: String, to opening: PolicyOpening) throws {
    let generation = try #require(opening.entries.last).generation + 1
    try opening.log?.append(
      PolicyEntry(
        generation: generation, document: try #require(try? load(policy(name)).outcome.get()), source: .apply,
        atUnixMs: 1, peer: PeerCredentials(pid: 1, uid: 2, gid: 3), comment: "c"))
  }

  @Test func theNewerOfFileAndAppliedPolicyWins() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Self.append("applied", to: try Self.open(Self.policy("file"), folder))
    // The file has not changed since it was read.
    #expect(try Self.open(Self.policy("file"), folder).entries.map(\.document.config.name) == ["file", "applied"])
    // It has.
    let changed = try Self.open(Self.policy("new"), folder)
    #expect(changed.entries.map(\.document.config.name) == ["file", "applied", "new"])
    #expect(changed.entries.map(\.generation) == [1, 2, 3])
    #expect(changed.entries[1].peer?.uid == 2)
  }

  @Test func aWrongFileNeverStopsASidecarThatKnowsAGoodOne() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(throws: PolicyUpdateError.self) { try Self.open("{}", folder) }
    _ = try Self.open(Self.policy("good"), folder)
    for wrong in ["{}", "no JSON", #"{"version":1,"name":"x","batch":{"step_tokens":0}}"#] {
      let opening = try Self.open(wrong, folder)
      #expect(opening.entries.last?.document.config.name == "good")
      #expect(opening.failure?.source == .start)
      #expect(opening.failure?.details.isEmpty == false)
    }
    // In memory only there is nothing to fall back on.
    #expect(throws: PolicyUpdateError.self) { try Self.open("{}", nil) }
  }

  @Test func aDamagedLogKeepsWhatIsWhole() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/" + PolicyLog.fileName
    for name in ["a", "b", "c"] { try Self.append(name, to: try Self.open(Self.policy("file"), folder)) }
    let whole = try Data(contentsOf: URL(filePath: path))
    let lines = whole.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 4)
    // A crash at every byte of the last line.
    let last = whole.count - lines[3].count - 1
    for count in stride(from: last, to: whole.count, by: 7) {
      try whole.prefix(count).write(to: URL(filePath: path))
      #expect(try Self.open(Self.policy("file"), folder).entries.map(\.document.config.name) == ["file", "a", "b"])
    }
    // The log goes on behind a torn line.
    try whole.prefix(whole.count - 9).write(to: URL(filePath: path))
    try Self.append("d", to: try Self.open(Self.policy("file"), folder))
    #expect(try Self.open(Self.policy("file"), folder).entries.map(\.document.config.name) == ["file", "a", "b", "d"])
    // A flipped bit costs its line only.
    var flipped = whole
    flipped[lines[1].startIndex + 30] ^= 4
    try flipped.write(to: URL(filePath: path))
    #expect(try Self.open(Self.policy("file"), folder).entries.map(\.document.config.name) == ["file", "b", "c"])
    try Data("garbage\n\0\n".utf8).write(to: URL(filePath: path))
    #expect(try Self.open(Self.policy("file"), folder).entries.map(\.generation) == [1])
  }

  @Test func theLogIsBoundedAndRemembersTheFile() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for round in 0..<5 {
      let opening = try Self.open(Self.policy("file"), folder)
      for n in 0..<13 {
        let generation = 2 + round * 13 + n
        try opening.log?.append(
          PolicyEntry(
            generation: generation, document: try #require(PolicyDocument.preset("balanced")), source: .apply,
            atUnixMs: 1))
      }
    }
    let opening = try Self.open(Self.policy("file"), folder)
    #expect(opening.entries.count == 10)
    #expect(opening.entries.last?.generation == 66)
    #expect(opening.entries.first?.source == .start)
    let lines = try Data(contentsOf: URL(filePath: folder + "/" + PolicyLog.fileName)).filter { $0 == 10 }.count
    #expect(lines <= 21)
  }

  @Test func oneDirectoryServesOneSidecar() throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try PolicyLog(directory: folder, limit: 10)
    let error = #expect(throws: PolicyLogError.self) { try PolicyLog(directory: folder, limit: 10) }
    #expect(error?.description.contains("another sidecar") == true)
    // The second one serves all the same, in memory.
    #expect(try Self.open(Self.policy("file"), folder).log == nil)
    withExtendedLifetime(first) {}
    #expect(throws: PolicyLogError.self) { try PolicyLog(directory: "/proc/coxswain", limit: 10) }
  }

  @Test func appliedPoliciesSurviveARestart() async throws {
    let folder = Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await RunningSidecar.with(stateDirectory: folder) { directory in
      let admin = try WireClient(path: directory + "/admin.sock")
      let applied = try admin.call(.policyApply, message: ["policy": try JSONValue(parsing: Self.policy("kept"))])
      #expect(applied.code == .ok)
    }
    try await RunningSidecar.with(stateDirectory: folder) { directory in
      let status = try WireClient(path: directory + "/admin.sock").call(.status).message["policy"]
      #expect(status?["name"] == "kept")
      #expect(status?["generation"] == 2)
      #expect(status?["state_directory"] == .string(folder))
    }
  }
}
