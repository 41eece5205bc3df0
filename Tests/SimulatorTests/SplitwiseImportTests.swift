import Foundation
import Glibc
import SchedulerCore
import Testing

@testable import Simulator

struct SplitwiseImportTests {
  private static let header =
    "model,hardware,prompt_size,batch_size,token_size,peak_power,average_power,prompt_time,token_time,e2e_time,"
    + "tensor_parallel"

  /// Prompts of 0.1 ms a token after 10 ms, repeated with 2 ms more and 2 ms less; decode steps of 20 ms plus half a
  /// millisecond for each sequence and a thousandth for each token of context beyond 576.
  private static let rows: [String] = {
    var rows: [String] = []
    for (prompt, batch, output) in [
      (128, 1, 128), (512, 1, 128), (512, 2, 128), (512, 4, 128), (512, 8, 128), (2048, 1, 128), (8192, 1, 128),
    ] {
      for shift in [-2.0, 0, 2] {
        let promptMs = 10 + 0.1 * Double(prompt * batch) + shift
        let tokenMs = 20 + 0.5 * Double(batch) + 0.001 * (Double(prompt) - 512)
        rows.append("llama2-70b,h100-80gb,\(prompt),\(batch),\(output),1,1,\(promptMs),\(tokenMs),1,2")
      }
    }
    return rows
  }()

  private func path(_ rows: [String]) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: "perf_model.csv")
    try Data(([Self.header] + rows).joined(separator: "\n").utf8).write(to: file)
    return file.path(percentEncoded: false)
  }

  private func imported(_ rows: [String] = Self.rows) throws -> SplitwiseImport {
    try SplitwiseImport(path: try path(rows), options: ProfileImportOptions())
  }

  private func elapsedUs(_ time: IterationTimeModel, prefill: Int = 0, decodes: Int = 0, context: Int = 0) -> Int {
    var features = IterationFeatures()
    if prefill > 0 { features.addPrefill(tokens: prefill, prefix: 0) }
    for _ in 0..<decodes { features.addDecode(context: context) }
    return time.elapsedUs(features)
  }

  @Test func timesAreInterpolatedBetweenMedians() throws {
    var time = try imported().profile.time
    time.overheadUs = 0
    #expect(time.form == .table)
    // Between 1,024 and 2,048 tokens.
    #expect(elapsedUs(time, prefill: 1500) == 160_000)
    // Beyond the last point, and below the first.
    #expect(elapsedUs(time, prefill: 9192) == 929_200)
    #expect(elapsedUs(time, prefill: 8) == 22_800)
    // 1,490 prefill tokens and 10 decodes: a tenth more than 1,500 tokens of prefill.
    #expect(elapsedUs(time, prefill: 1490, decodes: 10, context: 700) == 176_000)
    // 6 sequences of 576 tokens, then 1,000 more in all.
    #expect(elapsedUs(time, decodes: 6, context: 576) == 23_000)
    #expect(abs(elapsedUs(time, decodes: 5, context: 776) - 23_500) <= 1)
  }

  @Test func theProfileReadsBack() throws {
    let profile = try imported().profile
    #expect(try GPUProfile.decode(bytes: Array(profile.json.pretty().utf8)) == profile)
    #expect(profile.name == "h100-80gb-llama-2-70b-tp2")
    #expect(profile.kvBytesPerToken == 2 * 80 * 8 * 128 * 2)
    #expect(profile.sequences == 8)
    #expect(profile.time.withPrefill.b > 0.09 && profile.time.withPrefill.b < 0.11)
  }

  @Test func aTableHasToBeThereAndInOrder() throws {
    let json = try imported().profile.json
    for (old, new) in [("\"table\":{", "\"tables\":{"), ("[128.0,512.0,", "[512.0,128.0,"), ("[1.0,2.0,", "[1.0,")] {
      #expect(json.text.contains(old))
      #expect(throws: (any Error).self) {
        try GPUProfile.decode(bytes: Array(json.text.replacing(old, with: new, maxReplacements: 1).utf8))
      }
    }
  }

  @Test func oneSubjectHasToBeChosen() throws {
    let both = Self.rows + Self.rows.map { $0.replacing("h100-80gb", with: "a100-80gb") }
    let error = #expect(throws: ProfileImportError.self) { try imported(both) }
    #expect(error?.description.contains("llama2-70b on a100-80gb tp2; llama2-70b on h100-80gb tp2") == true)
    let few = #expect(throws: ProfileImportError.self) { try imported(Array(Self.rows.prefix(3))) }
    #expect(few?.description.contains("too few") == true)
    let broken = #expect(throws: ProfileImportError.self) { try imported(["llama2-70b,h100-80gb,x,1,1,1,1,1,1,1,2"]) }
    #expect(broken?.description.contains("line 2: prompt_size") == true)
  }

  /// Interpolation beats three coefficients on the measured table (median errors of 11 to 21 % for those).
  @Test(
    .enabled(if: access(TraceData.shared + "/profiles/splitwise_perf_model.csv", R_OK) == 0),
    arguments: [("llama2-70b", "h100-80gb", 4), ("llama2-70b", "a100-80gb", 2), ("bloom-176b", "h100-80gb", 8)])
  func theMeasuredTable(model: String, gpu: String, tensorParallel: Int) throws {
    var options = ProfileImportOptions()
    options.model = model
    options.gpu = gpu
    options.tensorParallel = tensorParallel
    let imported = try SplitwiseImport(
      path: TraceData.shared + "/profiles/splitwise_perf_model.csv", options: options)
    #expect(imported.prefillError.p50 < 0.11, "\(imported.prefillError)")
    #expect(imported.decodeError.p50 < 0.1, "\(imported.decodeError)")
  }
}
