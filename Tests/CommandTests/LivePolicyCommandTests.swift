import Foundation
import Testing
import WireClient
import WireProtocol

/// `policy apply`, `rollback`, `history`, `diff` and signals against a real sidecar.
@Suite struct LivePolicyCommandTests {
  private static func policy(_ name: String, _ more: String = "") -> String {
    #"{"version":1,"name":"\#(name)","preset":"balanced"\#(more)}"#
  }

  @Test func applyShowsWhatChangesAndRollbackTakesItBack() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, ["--policy", "balanced"])
    let file = try directory.file("night.json", Self.policy("night", #","batch":{"step_tokens":512}"#))
    let diff = try sidecar.command(["policy", "diff", file])
    #expect(diff.status == 0)
    #expect(diff.output.contains("/batch/step_tokens"))
    let tried = try sidecar.command(["policy", "apply", file, "--dry-run"])
    #expect(tried.output.contains("nothing was applied"))
    let applied = try sidecar.command(["policy", "apply", file, "-m", "cheaper"])
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(applied.output.contains("generation 2, night, is in force"))
    #expect(applied.output.contains("coxswain policy rollback"))
    #expect(try sidecar.command(["policy", "show"]).output.contains("generation: 2"))
    let conflict = try sidecar.command(["policy", "apply", file, "--expect-generation", "1"])
    #expect(conflict.status == 75)
    let back = try sidecar.command(["policy", "rollback", "-o", "json"])
    #expect(try back.json()["generation"] == 3)
    #expect(try back.json()["restored_generation"] == 1)
    let again = try sidecar.command(["policy", "rollback", "--generation", "1"])
    #expect(again.output.contains("all changes: coxswain policy history"), "\(again.output)")
    let history = try sidecar.command(["policy", "history"])
    #expect(history.output.contains("rollback of 1"))
    #expect(history.output.contains("cheaper"))
    #expect(try sidecar.command(["policy", "history", "-o", "json"]).json()["entries"]?.arrayValue?.count == 4)
  }

  @Test func anInvalidFileIs78AndChangesNothing() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let file = try directory.file("wrong.json", Self.policy("x", #","batch":{"step_token":1}"#))
    let refused = try sidecar.command(["policy", "apply", file])
    #expect(refused.status == 78)
    #expect(refused.errors.contains("did you mean"))
    #expect(try sidecar.command(["status", "-o", "json"]).json()["policy"]?["generation"] == 1)
  }

  @Test func aHangupReadsTheFileAgain() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("policy.json", Self.policy("first"))
    let sidecar = try ServedSidecar(in: directory, ["--policy", file])
    func status() throws -> JSONValue? { try sidecar.command(["status", "-o", "json"]).json()["policy"] }
    try Self.policy("second").write(toFile: file, atomically: true, encoding: .utf8)
    sidecar.send(SIGHUP)
    for _ in 0..<200 where try status()?["name"] != "second" { usleep(20_000) }
    #expect(try status()?["name"] == "second")
    try "{".write(toFile: file, atomically: true, encoding: .utf8)
    sidecar.send(SIGHUP)
    for _ in 0..<200 where try status()?["last_update_failed"] != true { usleep(20_000) }
    #expect(try status()?["name"] == "second")
    let text = try sidecar.command(["status"]).output
    #expect(text.contains("policy change refused (reload"))
    // The same wrong file does not stop the next start.
    #expect(sidecar.end(with: SIGTERM) == 0)
    let next = try ServedSidecar(in: directory, ["--policy", file])
    #expect(try next.command(["status", "-o", "json"]).json()["policy"]?["name"] == "second")
    #expect(next.log.contains("last known good"))
  }

  @Test func aWrongFileAndNoGoodOneIs78() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("wrong.json", "{}")
    let outcome = try Executable.run(["serve", "--runtime-dir", directory.path + "/run", "--policy", file])
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("/version"))
  }

  /// Killed at any moment, the sidecar comes back with a policy that was valid, and none that was acknowledged is lost.
  @Test func aKillInTheMiddleOfAnApplyLeavesAGoodPolicy() throws {
    let directory = try TemporaryDirectory()
    var acknowledged = 0
    for round in 0..<16 {
      let sidecar = try ServedSidecar(in: directory, ["--policy", "balanced"])
      let admin = try WireClient(path: sidecar.runtime.adminSocket)
      let status = try admin.call(.status).message["policy"]
      let generation = try #require(status?["generation"]?.integerValue)
      #expect(generation >= acknowledged)
      #expect(["balanced", "storm"].contains(status?["name"]?.stringValue ?? ""))
      #expect(status?["last_update_failed"] == false)
      let pid = sidecar.pid
      let killer = Thread {
        usleep(UInt32(1_000 + 3_000 * round))
        kill(pid, SIGKILL)
      }
      killer.start()
      var n = generation
      while true {
        n += 1
        let policy: JSONValue = n.isMultiple(of: 3) ? ["version": 1] : ["version": 1, "name": "storm"]
        guard let reply = try? admin.call(.policyApply, message: ["policy": policy]) else { break }
        acknowledged = max(acknowledged, reply.message["generation"]?.integerValue ?? 0)
      }
      sidecar.end(with: SIGKILL)
    }
    #expect(acknowledged > 3)
  }

  @Test func twoFilesAreComparedWithoutASidecar() throws {
    let outcome = try Executable.run(["policy", "diff", "vllm-v1", "balanced", "-o", "json"])
    #expect(outcome.status == 0)
    #expect(try outcome.json()["changes"]?.arrayValue?.isEmpty == false)
    #expect(try Executable.run(["policy", "diff", "balanced", "balanced"]).output.contains("say the same"))
  }
}
