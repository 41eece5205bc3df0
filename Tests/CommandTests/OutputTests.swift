import Foundation
import Testing
import WireProtocol

@Suite struct OutputTests {
  @Test func versionIsADocument() throws {
    let json = try Executable.run(["version", "-o", "json"]).json()
    #expect(json["wire"] == 1)
    let version = try #require(json["version"]?.stringValue)
    #expect(try Executable.run(["version"]).output.contains(version))
    #expect(try Executable.run(["--version"]).output.contains(version))
  }

  @Test func everyListedSchemaIsPrinted() throws {
    let list = try Executable.run(["schema", "-o", "json"]).json()
    let names = (list.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
    #expect(names.contains("policy-v1"))
    for name in names {
      let schema = try Executable.run(["schema", name])
      #expect(schema.status == 0)
      #expect(try schema.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema", "\(name)")
      #expect((try schema.json()["title"]?.stringValue ?? "") != "", "\(name)")
    }
    #expect(try Executable.run(["schema", "policy"]).output == Executable.run(["schema", "policy-v1"]).output)
  }

  /// Small numbers: what is checked is the form, never the time.
  @Test func benchPrintsItsFigures() throws {
    let outcome = try Executable.run(["bench", "--rounds", "1", "--steps", "100", "-o", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try #require(try outcome.json().arrayValue)
    let names = rows.compactMap { $0["name"]?.stringValue }
    #expect(Set(names).count == rows.count)
    for name in ["step_round_trip_steady", "echo_round_trip_steady", "step_over_echo_steady", "core_steady"] {
      #expect(names.contains(name))
    }
    for row in rows {
      #expect(
        row.objectValue?.names == ["name", "unit", "p50", "p99", "target_p50", "target_p99", "met", "build"])
      #expect(row["p50"]?.doubleValue != nil)
      #expect(row["met"]?.boolValue != nil)
    }
  }

  @Test func anInterruptedBenchLeavesNothingBehind() throws {
    let directory = try TemporaryDirectory()
    let bench = try Executable.process(["bench", "--steps", "1000000"], environment: ["TMPDIR": directory.path])
    let isEcho = { (path: String) in path.hasSuffix("/echo.sock") }
    bench.standardOutput = FileHandle.nullDevice
    bench.standardError = FileHandle.nullDevice
    try bench.run()
    while bench.isRunning, try !FileManager.default.subpathsOfDirectory(atPath: directory.path).contains(where: isEcho)
    {
      usleep(10_000)
    }
    kill(bench.processIdentifier, SIGTERM)
    bench.waitUntilExit()
    #expect(bench.terminationStatus != 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
  }
}
