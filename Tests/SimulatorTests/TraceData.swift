import Foundation

/// Traces and measurements beside the project; tests that read them are skipped where they are not.
enum TraceData {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
  static let shared = root + "/../shared"
  static let azure = shared + "/traces/azure_2023_conv.csv"
  static let serveGen = shared + "/traces/servegen_m-small_1h_12rps_tenants.csv"
  static let mooncake = shared + "/traces/mooncake_fast25_conversation.jsonl.gz"
  static let shareGPT = shared + "/traces/sharegpt300_llama31_8b_hash16_measured_vllm.jsonl.gz"
  static let kernels = shared + "/profiles/llmservingsim/RTXPRO6000/"
  static let measuredSeries = kernels + "llama-3.1-8b-bf16-tp1/vllm_measured_timeseries.csv"

  static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
}
