import Foundation
import Testing
import WireClient
import WireProtocol

/// `coxswain drain` against a real sidecar.
@Suite struct DrainCommandTests {
  /// Ends the requests of `ServedSidecar.registerEngine`.
  private static func finish(_ engine: WireClient, of sidecar: ServedSidecar) throws {
    let epoch = try #require(try sidecar.command(["status", "-o", "json"]).json()["sessions"]?[0]?["epoch"])
    let step: JSONValue = [
      "epoch": epoch, "seq": 2, "now_us": 81_304_120, "kv_free_blocks": [27_648],
      "launched": ["seq": 1, "mode": "none"], "removed": ["h": [1, 2, 3], "why": ["abort", "abort", "abort"]],
    ]
    #expect(try engine.call(.step, message: step).code == .ok)
  }

  @Test func itSaysWhatRunsAndEverybodySaysThatItDrains() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let outcome = try sidecar.command(["drain"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("node7-llama/0"))
    #expect(outcome.output.contains("3 requests are left; wait for the end: coxswain drain --wait"))
    for command in ["status", "top"] {
      let text = try sidecar.command([command]).output
      #expect(text.contains("by uid \(getuid()): no new engine is taken"), "\(command): \(text)")
      #expect(text.components(separatedBy: "\n").prefix(3).allSatisfy { $0.count <= 80 }, "\(text)")
    }
    let audit = sidecar.log.split(separator: "\n").filter { $0.contains(#"notice "draining""#) }
    #expect(audit.count == 1 && audit[0].contains("uid=\(getuid())") && audit[0].contains("requests=3"), "\(audit)")
    let refused = try sidecar.command(["engine", "--requests", "1"])
    #expect(refused.status == 75)
    #expect(refused.errors.hasPrefix("coxswain: Register: UNAVAILABLE: the sidecar is draining"), "\(refused.errors)")
    let resumed = try sidecar.command(["drain", "--resume"])
    #expect(resumed.output.contains("new engines are taken"))
    #expect(!(try sidecar.command(["status"]).output.contains("draining")))
    #expect(try sidecar.command(["engine", "--requests", "1"]).status == 0)
    engine.close()
  }

  @Test func waitingEndsWithTheLastRequest() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let output = try directory.file("out", "")
    let progress = try directory.file("err", "")
    let waiting = try Executable.process(["drain", "--wait", "--runtime-dir", sidecar.runtime.path, "-o", "json"])
    waiting.standardOutput = FileHandle(forWritingAtPath: output)
    waiting.standardError = FileHandle(forWritingAtPath: progress)
    try waiting.run()
    // It has looked once, and still waits.
    let deadline = Date(timeIntervalSinceNow: 60)
    while try String(contentsOfFile: progress, encoding: .utf8).isEmpty, Date() < deadline { usleep(10_000) }
    #expect(waiting.isRunning)
    try Self.finish(engine, of: sidecar)
    waiting.waitUntilExit()
    #expect(waiting.terminationStatus == 0)
    #expect(try String(contentsOfFile: progress, encoding: .utf8).contains("0 of 3 requests"))
    let report = try JSONValue(parsing: Array(try String(contentsOfFile: output, encoding: .utf8).utf8))
    #expect(report["changed"] == true)
    #expect(report["done"] == true)
    engine.close()
  }

  @Test func waitingEndsWithItsTimeAndTheDrainingGoesOn() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let outcome = try sidecar.command(["drain", "--wait", "--timeout-s", "1"])
    #expect(outcome.status == 75)
    #expect(outcome.output.contains("3 requests are left"))
    #expect(outcome.errors.contains("goes on draining"), "\(outcome.errors)")
    #expect(try sidecar.command(["status", "-o", "json"]).json()["draining"]?.isNull == false)
    engine.close()
  }

  @Test func aSidecarThatIsStartedAnewDoesNotDrain() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    #expect(try sidecar.command(["drain", "--wait"]).status == 0)
    #expect(sidecar.end(with: SIGTERM) == 0)
    let next = try ServedSidecar(in: directory)
    #expect(try next.command(["status", "-o", "json"]).json()["draining"]?.isNull == true)
  }

  @Test(arguments: [["--timeout-s", "5"], ["--wait", "--resume"], ["--wait", "--timeout-s", "0"]])
  func misuseIsAnsweredBeforeAnybodyIsCalled(_ arguments: [String]) throws {
    let outcome = try Executable.run(["drain", "--runtime-dir", "/nonsuch"] + arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }
}
