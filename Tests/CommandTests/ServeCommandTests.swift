import Foundation
import Testing
import WireClient
import WireProtocol

/// `serve` and what asks it, over real sockets.
@Suite struct ServeCommandTests {
  @Test func statusAndQueueShowTheEngine() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let status = try sidecar.command(["status", "-o", "json"]).json()
    #expect(status["policy"]?["name"] == "balanced", "nobody named a policy")
    let session = try #require(status["sessions"]?[0])
    #expect(session["server_id"] == "node7-llama")
    #expect(session["running"] == 1)
    #expect(session["waiting"] == 2)
    #expect(session["blocked"] == 1)
    #expect(session["kv_free_blocks"] == [27_213])
    #expect(session["kv_total_blocks"] == [27_648])
    for key in ["version", "uptime_ms", "tenants"] { #expect(status[key] != nil, "\(key)") }
    for key in ["session", "dp_rank", "engine", "state", "epoch", "seq", "steps", "plans", "fallbacks", "resyncs"] {
      #expect(session[key] != nil, "\(key)")
    }
    let queue = try sidecar.command(["queue", "-o", "json"]).json()
    let requests = try #require(queue["sessions"]?[0]?["requests"]?.arrayValue)
    #expect(requests.map { $0["h"]?.integerValue } == [1, 2, 3])
    #expect(requests[0]["running"] == true)
    #expect(requests[2]["blocked"] == true)
    let table = try sidecar.command(["queue"]).output
    #expect(table.contains("chatcmpl-11d0aa93"))
    #expect(!table.contains("\u{1B}"))
    engine.close()
  }

  @Test func topPrintsOnceOffATerminal() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let top = try sidecar.command(["top"])
    #expect(top.status == 0)
    #expect(top.output.contains("node7-llama/0"))
    #expect(top.output.contains("QUEUE BY CLASS"))
    #expect(top.output.contains("27,648"))
    #expect(top.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "it fits a terminal of 80 columns")
    #expect(!top.output.contains("\u{1B}"))
    let json = try sidecar.command(["top", "-o", "json"]).json()
    #expect(json["queue"]?["classes"]?.arrayValue?.count == 2)
    engine.close()
  }

  @Test func theRunningPolicyIsShown() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, ["--policy", "vllm-v1-priority"])
    let json = try sidecar.command(["policy", "show", "-o", "json"]).json()
    #expect(json["name"] == "vllm-v1-priority")
    #expect(json["generation"] == 1)
    #expect(try sidecar.command(["policy", "show"]).output.contains("priority"))
  }

  @Test func sigtermEndsWithZeroAndRemovesTheSockets() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    #expect(directory.exists("run/engine.sock"))
    #expect(sidecar.end(with: SIGTERM) == 0)
    #expect(!directory.exists("run/engine.sock"))
    #expect(!directory.exists("run/admin.sock"))
    #expect(throws: WireClientError.closed) { try engine.receive() }
  }

  @Test func staleSocketsOfAKilledOneAreTakenOver() throws {
    let directory = try TemporaryDirectory()
    let killed = try ServedSidecar(in: directory)
    #expect(killed.end(with: SIGKILL) == -SIGKILL)
    #expect(directory.exists("run/engine.sock"))
    #expect(try killed.command(["status"]).status == 69)
    let next = try ServedSidecar(in: directory)
    #expect(try next.command(["status"]).status == 0)
    #expect(next.end(with: SIGTERM) == 0)
  }

  @Test func twoInOneDirectoryAreRefused() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let second = try sidecar.command(["serve"])
    #expect(second.status == 75)
    #expect(second.errors.contains(sidecar.runtime.path))
    #expect(try sidecar.command(["status"]).status == 0, "the first one is untouched")
  }

  @Test func theLogIsOneLinePerEvent() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    #expect(sidecar.end(with: SIGINT) == 0)
    let lines = sidecar.log.split(separator: "\n")
    let form = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|notice|warning|error) ".*"( \w+=.*)*/
    for line in lines { #expect(line.wholeMatch(of: form) != nil, "\(line)") }
    #expect(sidecar.log.contains(sidecar.runtime.engineSocket))
  }

  @Test func controlCharactersOfAnEngineDoNotReachTheTerminal() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    guard case .object(var register) = Samples.register else { return }
    register["server_id"] = "evil\u{1B}[2Jname"
    let engine = try WireClient(path: sidecar.runtime.engineSocket)
    let reply = try engine.call(.register, message: .object(register))
    // Refusing the name would do as well.
    if reply.error == nil { #expect(!(try sidecar.command(["status"]).output.contains("\u{1B}"))) }
    engine.close()
  }
}
