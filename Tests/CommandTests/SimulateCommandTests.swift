import Foundation
import Testing
import WireProtocol

@Suite struct SimulateCommandTests {
  private static let small = ["--requests", "80", "--rate", "10", "--seed", "7"]

  @Test func comparesBaselinesAndWritesAReport() throws {
    let directory = try TemporaryDirectory()
    let report = directory.path + "/r.html"
    let outcome = try Executable.run(
      ["simulate", "--baseline", "vllm-v1", "--baseline", "sarathi", "--report", report, "-o", "json"] + Self.small)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let runs = try #require(try outcome.json()["runs"]?.arrayValue)
    #expect(runs.map { $0["policy"]?.stringValue } == ["vllm-v1", "sarathi"])
    for run in runs {
      #expect(run["all"]?["requests"] == 80)
      #expect(run["complete"] == true)
      #expect((run["bound_requests_per_s"]?.doubleValue ?? 0) > 0)
      #expect((run["share_of_bound"]?.doubleValue ?? 0) > 0)
    }
    let page = try String(contentsOfFile: report, encoding: .utf8)
    for text in ["<svg", "vllm-v1", "sarathi", "Time to first token", "fluid bound", "</html>"] {
      #expect(page.contains(text), "\(text)")
    }
    #expect(!page.contains("http"), "the page is self-contained")
  }

  @Test func theSweepAddsACapacity() throws {
    let outcome = try Executable.run(["simulate", "--sweep", "rate", "-o", "json"] + Self.small)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let run = try #require(try outcome.json()["runs"]?[0])
    #expect((run["capacity_requests_per_s"]?.doubleValue ?? 0) > 0)
    #expect((run["sweep"]?.arrayValue?.count ?? 0) > 4)
  }

  @Test func theTableCompares() throws {
    let outcome = try Executable.run(
      ["simulate", "--policy", "balanced", "--baseline", "vllm-v1-priority"] + Self.small)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for word in ["balanced", "vllm-v1-priority", "worst class", "fluid bound", "of bound"] {
      #expect(outcome.output.contains(word), "\(word)")
    }
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test(arguments: [
    ["--baseline", "nobody"], ["--engine-overhead-ms", "-1"], ["--kv-tokens", "0"], ["--sweep", "seed"],
  ])
  func wrongOptionsAreUsageErrors(_ options: [String]) throws {
    let outcome = try Executable.run(["simulate"] + options)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
  }

  @Test func aReportThatCannotBeWrittenIsAnError() throws {
    let outcome = try Executable.run(["simulate", "--report", "/nowhere/r.html"] + Self.small)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/nowhere/r.html"))
  }
}
