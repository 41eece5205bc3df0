import Glibc
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

struct WorkBoundTests {
  /// Two requests in 10 s: 100 prompt tokens at 1 ms and 4,000 square token halves at 0.01 ms; 10 decodes over 105.5
  /// tokens on average. 527.5 tokens of KV hold 5 sequences: an iteration of 10 + 5 x 2 + 527.5 x 0.1 ms makes 5
  /// tokens.
  @Test func byHand() throws {
    let request = { (index: Int) in
      WorkloadRequest(
        id: "\(index)", arrivalUs: Int64(index) * 10_000_000, tenant: "t", classIndex: 0, promptTokens: 100,
        outputTokens: 11)
    }
    let prefill = IterationTimeModel.Coefficients(a: 7, b: 1, c: 0.01, d: 3, e: 5)
    let decode = IterationTimeModel.Coefficients(a: 10, b: 0, c: 0, d: 2, e: 0.1)
    let time = IterationTimeModel(form: .linear, decodeOnly: decode, withPrefill: prefill, overheadUs: 500)
    let demand = try WorkloadDemand(ListWorkload([request(0), request(1)]), classes: 1, prefixCaching: false)
    let bound = WorkBound(demand: demand, time: time, kvCapacityTokens: 528, sequencesMax: 64)
    #expect(abs(bound.sequences - 528 / 105.5) < 1e-9)
    #expect(abs(bound.prefillUtilization - 2 * (100 + 50) / 10_000) < 1e-9)
    #expect(abs(bound.contextUtilization - 2 * 1055 * 0.1 / 10_000) < 1e-9)
    let iterationMs = 10 + bound.sequences * 2 + 52.8
    #expect(abs(bound.decodeUtilization - 20 / bound.sequences * iterationMs / 10_000) < 1e-9)
    #expect(abs(bound.rateMultiple - 1 / (bound.prefillUtilization + bound.decodeUtilization)) < 1e-9)
    let few = WorkBound(demand: demand, time: time, kvCapacityTokens: 528, sequencesMax: 2)
    #expect(few.sequences == 2)
    #expect(few.decodeUtilization > bound.decodeUtilization)
  }

  /// Figures computed apart from this code (work_bounds.json); theirs have decode by the linear form.
  @Test(
    .enabled(if: access(TraceData.azure, R_OK) == 0),
    arguments: [("h100-llama31-8b", "h100_sxm"), ("a100-llama31-8b", "a100_sxm")])
  func azureConversation(name: String, hardware: String) throws {
    let profile = try #require(try GPUProfile.bundled(name))
    let file = try JSONValue(parsing: try TraceData.bytes(TraceData.shared + "/profiles/work_bounds.json"))
    let theirs = try #require(
      file.arrayValue?.first {
        $0["trace"]?.stringValue == "azure_conv" && $0["hw"]?.stringValue == hardware
          && $0["model"]?.stringValue == "llama-3.1-8b"
      })
    let trace = try TraceWorkload(path: TraceData.azure, mix: .standard)
    let bound = WorkBound(
      demand: try WorkloadDemand(trace, classes: 3, prefixCaching: false), time: profile.time,
      kvCapacityTokens: profile.kvCapacityTokens, sequencesMax: 512)
    func isNear(_ value: Double, _ key: String, _ tolerance: Double) -> Bool {
      abs(value / (theirs[key]?.doubleValue ?? 0) - 1) < tolerance
    }
    #expect(isNear(bound.prefillUtilization, "prefill_util", 1e-6))
    #expect(isNear(bound.sequences, "n_max", 1e-6))
    #expect(isNear(bound.decodeUtilization, "decode_util", 0.03), "\(bound.decodeUtilization)")
    #expect(isNear(bound.rateMultiple, "max_rate_multiple_sum", 0.01), "\(bound.rateMultiple)")
    #expect(isNear(bound.piggybackRateMultiple, "max_rate_multiple_piggyback", 0.01), "\(bound.piggybackRateMultiple)")
  }
}
