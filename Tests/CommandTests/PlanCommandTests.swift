import Testing
import WireProtocol

@Suite struct PlanCommandTests {
  @Test func twoProcessesGiveTheSameBytes() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("request.json", Samples.planRequest.text)
    let first = try Executable.run(["plan", "--from", file, "-o", "json"])
    let second = try Executable.run(["plan", "--from", file, "-o", "json"])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output == second.output)
    let json = try first.json()
    #expect(json["epoch"] == 0)
    #expect(json["seq"] == 1)
    let planned = try #require(json["plan"]?["run"]?["h"]?.arrayValue)
    #expect(planned.contains(2))
    #expect(!planned.contains(3), "h 3 waits for its grammar")
  }

  @Test func aRunningSidecarGivesTheSamePlan() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let file = try directory.file("request.json", Samples.planRequest.text)
    let here = try Executable.run(["plan", "--from", file, "-o", "json"]).json()
    let there = try sidecar.command(["plan", "--from", file, "--socket", "-o", "json"]).json()
    #expect(here["plan"]?["run"] == there["plan"]?["run"])
    #expect(here["plan"]?["run"] != nil)
  }

  @Test func anEnvelopeOnStandardInputIsTakenToo() throws {
    let envelope: JSONValue = ["id": 1, "method": "coxswain.v1.Scheduler/Plan", "message": Samples.planRequest]
    let outcome = try Executable.run(["plan", "--from", "-", "-o", "json"], input: envelope.text)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["plan"]?["run"] != nil)
  }

  @Test func tableShowsEveryItem() throws {
    let outcome = try Executable.run(["plan", "--from", "-"], input: Samples.planRequest.text)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("TOKENS"))
    #expect(!outcome.output.contains("\u{1B}"), "no colour off a terminal")
  }

  @Test func aWrongMemberIsNamed() throws {
    guard case .object(var request) = Samples.planRequest, case .object(var step) = Samples.step else { return }
    step["kv_free_blocks"] = "many"
    request["step"] = .object(step)
    let outcome = try Executable.run(["plan", "--from", "-"], input: JSONValue.object(request).text)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/step/kv_free_blocks"))
  }

  @Test func aWrongPolicyIsBadConfiguration() throws {
    guard case .object(var request) = Samples.planRequest else { return }
    request["policy"] = ["version": 1, "name": "x", "nonsense": 1]
    let outcome = try Executable.run(["plan", "--from", "-"], input: JSONValue.object(request).text)
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("/policy/nonsense"))
  }

  @Test func brokenJSONIsPlacedByLineAndColumn() throws {
    let outcome = try Executable.run(["plan", "--from", "-"], input: "{\n  \"register\": nope\n}")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("-:2:"))
  }

  @Test func aMissingFileIsAFailure() throws {
    let outcome = try Executable.run(["plan", "--from", "/no/such/file"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/no/such/file"))
  }
}
