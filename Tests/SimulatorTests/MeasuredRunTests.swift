import Foundation
import Testing

@testable import Simulator

struct MeasuredRunTests {
  private func run(_ lines: [String]) throws -> MeasuredRun {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: "run.jsonl")
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    return try MeasuredRun(path: file.path(percentEncoded: false), measurement: "here")
  }

  private func line(_ index: Int, tpotMs: Double) -> String {
    let ttftMs = 50.0
    return
      #"{"timestamp":\#(index * 100),"input_length":100,"output_length":21,"here":{"queued_ms":\#(index * 100),"#
      + #""ttft_ms":\#(ttftMs),"e2e_ms":\#(ttftMs + 20 * tpotMs)}}"#
  }

  /// Of the first 20 requests a token took 30 ms; the constant makes the simulator say so too, whatever came after.
  @Test func theConstantIsFittedOnTheFirstRequests() throws {
    let measured = try run((0..<40).map { line($0, tpotMs: $0 < 20 ? 30 : 60) })
    #expect(measured.requests.count == 40)
    let profile = try #require(try GPUProfile.bundled("rtxpro6000-llama31-8b"))
    let contender = try #require(Contender.baseline("vllm-v1", time: profile.time, mix: .standard))
    let validation = Validation(
      measured: measured, profile: profile, options: EngineOptions(), contender: contender)
    let overheadUs = try validation.fitOverheadUs(first: 20)
    #expect((10_000...20_000).contains(overheadUs), "\(overheadUs)")
    let first = try validation.predict(counting: 20, overheadUs: overheadUs)
    let tpot = try #require(first.rows.first { $0.name == "TPOT mean" })
    #expect(abs(tpot.error) < 0.02, "\(tpot)")
    let all = try validation.predict(counting: 40, overheadUs: overheadUs)
    #expect(all.rows.contains { $0.name == "TPOT mean" && abs($0.measuredMs - 45) < 0.5 && $0.error < -0.2 })
    #expect(all.table.contains("TPOT p99"))
    #expect(all.json["rows"]?.arrayValue?.count == 10)
  }

  @Test(arguments: [
    (#"{"timestamp":0,"input_length":1,"output_length":1}"#, "here is missing"),
    (#"{"timestamp":0,"output_length":1,"here":{}}"#, "input_length"), ("nothing", "no JSON"),
  ])
  func brokenLinesAreNamed(_ text: String, _ expected: String) {
    let error = #expect(throws: WorkloadError.self) { try run([line(0, tpotMs: 9), text]) }
    #expect(error?.description.contains("line 2") == true)
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
  }
}
