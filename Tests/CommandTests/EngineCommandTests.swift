import Foundation
import Testing
import WireProtocol

/// The reference engine as a process against a sidecar as a process.
@Suite struct EngineCommandTests {
  private static let small = ["--requests", "60", "--rate", "20", "--seed", "7"]

  @Test(arguments: ["1", "2", "3"])
  func servesItsWorkloadOverTheSocket(_ inFlight: String) throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let outcome = try sidecar.command(["engine", "-o", "json", "--in-flight", inFlight] + Self.small)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("100%"), "progress is told on standard error")
    let run = try #require(try outcome.json()["runs"]?[0])
    #expect(run["policy"] == "balanced")
    #expect(run["all"]?["requests"] == 60)
    for key in ["iterations", "classes", "goodput_requests_per_s", "goodput_tokens_per_s", "preemptions"] {
      #expect(run[key] != nil, "\(key)")
    }
    let quantiles = try #require(run["all"]?["ttft_ms"]?.objectValue)
    #expect(Set(["p50", "p95", "p99"]).isSubset(of: quantiles.names))
    #expect((run["step_round_trip_us"]?["p50"]?.doubleValue ?? 0) > 0)
    #expect(sidecar.end(with: SIGTERM) == 0)
  }

  @Test func theSameSeedGivesTheSameVirtualTimes() throws {
    func classes() throws -> JSONValue? {
      let outcome = try Executable.run(["engine", "--in-process", "-o", "json"] + Self.small)
      return try outcome.json()["runs"]?[0]?["classes"]
    }
    let first = try classes()
    #expect(first != nil)
    #expect(try classes() == first)
  }

  /// Real time passes with the virtual one, which stays the same.
  @Test func inRealTimeTheSameTakesLonger() throws {
    let arguments = ["engine", "--in-process", "-o", "json", "--requests", "4", "--rate", "40", "--seed", "7"]
    let fast = try #require(try Executable.run(arguments).json()["runs"]?[0])
    let paced = try #require(try Executable.run(arguments + ["--real-time"]).json()["runs"]?[0])
    #expect(paced["classes"] == fast["classes"])
    // The last iteration ends after the last Step was sent.
    let wall = try #require(paced["wall_s"]?.doubleValue)
    let makespan = try #require(paced["makespan_s"]?.doubleValue)
    #expect(wall > 0.9 * makespan)
  }

  @Test func theTableHasTheScorecard() throws {
    let outcome = try Executable.run(["engine", "--in-process"] + Self.small)
    #expect(outcome.status == 0)
    for word in ["TTFT", "TPOT", "goodput", "preemptions", "KV occupancy", "round trip"] {
      #expect(outcome.output.contains(word), "\(word)")
    }
  }

  @Test func aMalformedTraceIsNamedByItsLine() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file(
      "trace.csv",
      """
      TIMESTAMP,ContextTokens,GeneratedTokens
      2023-11-16 18:17:03.9799600,4808,10
      2023-11-16 18:17:04.0319600,31
      """)
    let outcome = try Executable.run(["engine", "--in-process", "--trace", file])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("line 3"))
    #expect(outcome.output.isEmpty)
  }

  @Test func aTraceIsReplayed() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file(
      "trace.csv",
      """
      TIMESTAMP,ContextTokens,GeneratedTokens
      2023-11-16 18:17:03.9799600,480,10
      2023-11-16 18:17:04.0319600,31,4

      """)
    let outcome = try Executable.run(["engine", "--in-process", "--trace", file, "-o", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["runs"]?[0]?["all"]?["requests"] == 2)
  }

  @Test(
    arguments: [
      (["--trace", "/no/such/trace"], 1), (["--profile", "no-such-gpu"], 78), (["--in-flight", "4"], 64),
      (["--policy", "vllm-v1"], 64), (["--rate", "0"], 64), (["--classes", "/no/such/file"], 1),
    ] as [([String], Int32)])
  func wrongInputIsFoundBeforeAnybodyIsCalled(_ arguments: [String], _ status: Int32) throws {
    let outcome = try Executable.run(["engine", "--runtime-dir", "/no/such/dir"] + arguments)
    #expect(outcome.status == status, "\(outcome.errors)")
  }

  @Test func nobodyThereIs69() throws {
    #expect(try Executable.run(["engine", "--runtime-dir", "/no/such/dir"]).status == 69)
  }

  @Test func aSidecarThatDiesEndsTheRunLoudly() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let errors = try directory.file("engine.log", "")
    let engine = try Executable.process(
      ["engine", "--requests", "1000000", "--runtime-dir", sidecar.runtime.path])
    engine.standardOutput = FileHandle.nullDevice
    engine.standardError = FileHandle(forWritingAtPath: errors)
    try engine.run()
    while try sidecar.command(["status", "-o", "json"]).json()["sessions"]?[0]?["steps"] == nil { usleep(10_000) }
    sidecar.end(with: SIGKILL)
    engine.waitUntilExit()
    #expect(engine.terminationStatus == 69)
    #expect(try String(contentsOfFile: errors, encoding: .utf8).contains("closed"))
  }
}
