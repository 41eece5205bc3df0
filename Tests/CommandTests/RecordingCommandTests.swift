import Foundation
import Testing
import WireProtocol

/// `record` against a real sidecar, and `replay` in a process of its own.
@Suite struct RecordingCommandTests {
  @Test func aRecordingReplaysInAnotherProcess() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, ["--policy", "balanced"])
    let engine = try sidecar.command(["engine", "--requests", "40", "-o", "json"])
    #expect(engine.status == 0)
    for (name, options) in [("plain.rec", []), ("hashed.rec", ["--hash-ids"])] {
      let file = directory.path + "/" + name
      let recorded = try sidecar.command(["record", file, "-o", "json"] + options)
      #expect(recorded.status == 0, "\(recorded.errors)")
      let steps = try #require(try recorded.json()["steps"]?.integerValue)
      #expect(steps > 50)
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let replayed = try Executable.run(["replay", file, "-o", "json"])
      #expect(replayed.status == 0, "\(replayed.errors)")
      #expect(try replayed.json()["identical"] == true)
      #expect(try replayed.json()["steps"]?.integerValue == steps)
      #expect(try Executable.run(["replay", file]).output.contains("byte for byte"))
    }
    // A flipped bit in the tenth step.
    var bytes = try [UInt8](Data(contentsOf: URL(filePath: directory.path + "/plain.rec")))
    let line = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }[10]
    bytes[line + 40] ^= 1
    try Data(bytes).write(to: URL(filePath: directory.path + "/damaged.rec"))
    let damaged = try Executable.run(["replay", directory.path + "/damaged.rec"])
    #expect(damaged.status == 1)
    #expect(damaged.errors.contains("step 10 of s-1 (line 12)"), "\(damaged.errors)")
    let report = try Executable.run(["replay", directory.path + "/damaged.rec", "-o", "json"])
    #expect(try report.json()["damage"]?["place"] == "step 10 of s-1")
  }

  @Test func standardOutputTakesTheRecording() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let client = try sidecar.registerEngine()
    let recorded = try sidecar.command(["record", "-"])
    #expect(recorded.status == 0)
    #expect(recorded.errors.contains("1 steps"))
    #expect(try Executable.run(["replay", "-"], input: recorded.output).status == 0)
    client.close()
  }

  @Test func nothingToRecordAndNothingToReplay() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let recorded = try sidecar.command(["record", directory.path + "/x.rec"])
    #expect(recorded.status == 1)
    #expect(recorded.errors.contains("no Step is recorded yet"))
    #expect(try Executable.run(["replay", directory.path + "/missing.rec"]).status == 1)
    let empty = try Executable.run(["replay", "-"], input: "")
    #expect(empty.status == 1)
    #expect(empty.errors.contains("empty"))
    #expect(try Executable.run(["replay", "-"], input: "hello\n").status == 1)
  }
}
