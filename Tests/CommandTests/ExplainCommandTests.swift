import Testing
import WireProtocol

/// `explain`, `policy dry-run` and `metrics` against a real sidecar.
@Suite struct ExplainCommandTests {
  @Test func aRequestIsExplained() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory)
    let engine = try sidecar.registerEngine()
    let queue = try sidecar.command(["queue", "-o", "json"]).json()
    let id = try #require(queue["sessions"]?[0]?["requests"]?[0]?["id"]?.stringValue)
    let explained = try sidecar.command(["explain", id])
    #expect(explained.status == 0, "\(explained.errors)")
    #expect(explained.output.contains(id))
    #expect(explained.output.contains("arrived"))
    #expect(try sidecar.command(["explain", id, "-o", "json"]).json()["id"] == .string(id))
    let unknown = try sidecar.command(["explain", "no-such-request"])
    #expect(unknown.status == 1)
    #expect(unknown.errors.contains("no-such-request"))
    engine.close()
  }

  @Test func aDryRunLabelsBothOfItsAnswers() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, ["--policy", "balanced"])
    #expect(try sidecar.command(["engine", "--requests", "60"]).status == 0)
    let recording = directory.path + "/last.rec"
    #expect(try sidecar.command(["record", recording]).status == 0)
    let file = try directory.file(
      "tight.json", #"{"version":1,"name":"tight","preset":"balanced","batch":{"step_tokens":256}}"#)
    let shown = try sidecar.command(["policy", "dry-run", file])
    #expect(shown.status == 0, "\(shown.errors)")
    for text in ["ONE STEP", "CLOSED LOOP, simulated on profile", "nothing was applied", "/batch/step_tokens"] {
      #expect(shown.output.contains(text), "\(text)")
    }
    // The same from a file, without a sidecar.
    let offline = try Executable.run(["policy", "dry-run", file, "--recording", recording, "-o", "json"]).json()
    #expect(offline["one_step"]?["kind"] == "one_step_from_recorded_states")
    #expect(offline["closed_loop"]?["kind"] == "simulation_from_recorded_arrivals")
    #expect(offline["closed_loop"]?["requests"] == 60)
    #expect(offline["closed_loop"]?["after"]?["all"]?["requests"] == 60)
    #expect(try sidecar.command(["status", "-o", "json"]).json()["policy"]?["generation"] == 1)
  }

  @Test func metricsAreListedAndScraped() throws {
    let directory = try TemporaryDirectory()
    let sidecar = try ServedSidecar(in: directory, ["--metrics-port", "0"])
    #expect(sidecar.log.contains("http://127.0.0.1:"))
    let scraped = try sidecar.command(["metrics"])
    #expect(scraped.output.contains("\ncoxswain_serving 1\n"))
    let listed = try Executable.run(["metrics", "--list", "-o", "json"]).json()
    #expect(listed.arrayValue?.contains { $0["name"] == "coxswain_queue_wait_seconds" } == true)
  }
}
