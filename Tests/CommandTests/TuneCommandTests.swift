import Foundation
import Testing
import WireProtocol

@Suite struct TuneCommandTests {
  private static let small = ["--requests", "40", "--rate", "30", "--seed", "7"]

  @Test func theDocumentHasItsKeys() throws {
    let outcome = try Executable.run(["tune", "-o", "json", "--greedy", "tenant-1=4"] + Self.small)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(
      json.objectValue?.names == [
        "traffic", "profile", "instances", "base", "need", "objective", "complete", "classes", "steps", "roles",
        "proposal", "warnings", "tuned", "held_back", "held_back_outcome", "written",
      ])
    #expect(json["base"] == "balanced" && json["complete"] == true && json["written"] == .null)
    let steps = try #require(json["steps"]?.arrayValue)
    #expect(
      steps.map { $0["step"]?.stringValue } == [
        "slo_classes", "batch_strategy", "preemption_granularity", "disaggregation_thresholds", "speculation_gate",
        "kv_paging", "fairness_caps",
      ])
    for step in steps {
      #expect(
        step.objectValue?.names == [
          "step", "applies", "reason", "objective", "candidates", "chosen", "changes", "before", "after",
        ])
      #expect((step["chosen"] == .null) == (step["reason"] != .null))
    }
    let figures = try #require(json["tuned"]?["after"]?.objectValue)
    for key in ["weighted_within_slo_ratio", "ttft_p99_ms", "tpot_p99_ms", "tokens_per_s", "preemptions", "classes"] {
      #expect(figures[key] != nil, "\(key)")
    }
    #expect(json["held_back"]?["before"]?["requests"] == json["traffic"]?["held_back_requests"])
    #expect(json["classes"]?[0]?["alone_within_slo_ratio"]?.doubleValue != nil)
  }

  @Test func theFileIsWrittenOnlyOnRequestAndValid() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/tuned.json"
    let table = try Executable.run(["tune"] + Self.small)
    #expect(table.status == 0, "\(table.errors)")
    for word in ["STEP", "SLO classes", "fairness caps", "the engine has no drafter", "PROPOSAL", "held back"] {
      #expect(table.output.contains(word), "\(word)")
    }
    #expect(table.output.hasSuffix("nothing was written; keep it: coxswain tune ... --write tuned.json\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)

    let written = try Executable.run(["tune", "--force", "--write", file] + Self.small)
    #expect(written.status == 0, "\(written.errors)")
    #expect(written.output.hasSuffix("\(file) was written; check it: coxswain policy validate \(file)\n"))
    #expect(try Executable.run(["policy", "validate", file]).status == 0)
    let policy = try JSONValue(parsing: Array(try Data(contentsOf: URL(filePath: file))))
    #expect(policy["preset"] == "balanced" && policy["name"] == "balanced-tuned")

    try "mine".write(toFile: file, atomically: true, encoding: .utf8)
    let refused = try Executable.run(["tune", "--write", file] + Self.small)
    #expect(refused.status == 1)
    #expect(refused.errors == "coxswain: \(file): there is such a file; --force replaces it\n")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
    let replaced = try Executable.run(["tune", "--write", file, "--force", "-o", "json"] + Self.small)
    #expect(replaced.status == 0)
    #expect(try replaced.json()["written"] == .string(file))
    #expect(try String(contentsOfFile: file, encoding: .utf8) != "mine")
  }

  /// The sidecar is gone when the recording is read.
  @Test func aRecordingIsTunedOnOffline() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/x.rec"
    do {
      let sidecar = try ServedSidecar(in: directory, ["--policy", "balanced"])
      #expect(try sidecar.command(["engine", "--requests", "40", "-o", "json"]).status == 0)
      #expect(try sidecar.command(["record", file]).status == 0)
    }
    let outcome = try Executable.run(["tune", "--recording", file, "-o", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["traffic"]?["source"] == "x.rec")
    #expect(json["traffic"]?["held_back"] == "second_half")
    #expect(json["traffic"]?["requests"] == 20)
    #expect(try Executable.run(["tune", "--recording", directory.path + "/missing.rec"]).status == 1)
  }

  @Test(arguments: [
    ["--recording", "x.rec", "--trace", "y.csv"], ["--recording", "x.rec", "--greedy", "a=2"], ["--force"],
    ["--need", "speed"], ["--kv-tokens", "0"], ["--in-flight", "9"],
  ])
  func misuseIs64(_ options: [String]) throws {
    let outcome = try Executable.run(["tune"] + options)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func tooLittleTrafficIsRefused() throws {
    let outcome = try Executable.run(["tune", "--requests", "3"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("3 requests to tune on and 3 to judge by; expected at least 10 of each"))
  }

  @Test func aFileThatCannotBeWrittenIsKnownBeforeTheWork() throws {
    let outcome = try Executable.run(["tune", "--write", "/nowhere/tuned.json"] + Self.small)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/nowhere/tuned.json"))
    #expect(outcome.output.isEmpty)
  }
}
