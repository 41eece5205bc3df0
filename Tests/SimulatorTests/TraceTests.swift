import Foundation
import Glibc
import Testing

@testable import Simulator

struct TraceTests {
  private func file(_ text: String, _ name: String = "trace.csv") throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: name)
    try Data(text.utf8).write(to: path)
    return path.path(percentEncoded: false)
  }

  private func requests(_ text: String, rateScale: Double = 1, first: Int? = nil) throws -> [WorkloadRequest] {
    var trace = try TraceWorkload(path: try file(text), mix: .standard, rateScale: rateScale, first: first)
    var requests: [WorkloadRequest] = []
    while let request = try trace.next() { requests.append(request) }
    return requests
  }

  private let azure = """
    TIMESTAMP,ContextTokens,GeneratedTokens
    2023-12-31 23:59:59.5000000,374,44
    2024-01-01 00:00:01.2500001,396,0
    """

  @Test func azureTimesCrossMidnightAndStartAtZero() throws {
    let found = try requests(azure)
    #expect(found.map(\.arrivalUs) == [0, 1_750_000])
    #expect(found.map(\.promptTokens) == [374, 396])
    // A request with no output still makes its first token.
    #expect(found.map(\.outputTokens) == [44, 1])
  }

  @Test func windowsLineEndsAndAMissingLastLineEndAreFine() throws {
    #expect(try requests(azure.replacing("\n", with: "\r\n")).count == 2)
    #expect(try requests(azure + "\n").count == 2)
  }

  @Test func ratesScaleAndTracesAreCut() throws {
    #expect(try requests(azure, rateScale: 2).map(\.arrivalUs) == [0, 875_000])
    #expect(try requests(azure, first: 1).count == 1)
  }

  @Test func serveGenHasTenants() throws {
    let found = try requests("arrival_s,tenant,input_tokens,output_tokens\n0.5,14,28,2\n1.25,7,25,9\n")
    #expect(found.map(\.tenant) == ["tenant-14", "tenant-7"])
    #expect(found.map(\.arrivalUs) == [0, 750_000])
  }

  @Test func azureTimesMayCarryAZone() throws {
    let text =
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.5+00:00,3,4\n2024-05-10 00:00:01+00:00,3,4\n"
    #expect(try requests(text).map(\.arrivalUs) == [0, 500_000])
  }

  @Test func mooncakeHasPrefixBlocks() throws {
    let found = try requests(
      """
      {"timestamp": 10, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 2]}
      {"timestamp": 12.5, "input_length": 40, "output_length": 6, "hash_ids": [7], "more": 1}
      """)
    #expect(found.map(\.prefixBlocks) == [[0, 1, 2], [7]])
    #expect(found.map(\.prefixBlockTokens) == [512, 512])
    #expect(found.map(\.arrivalUs) == [0, 2_500])
  }

  /// The first lines fit either size; the third has too many blocks for large ones.
  @Test func smallBlocksAreToldByTheFile() throws {
    let found = try requests(
      """
      {"timestamp": 0, "input_length": 16, "output_length": 5, "hash_ids": [3]}
      {"timestamp": 0, "input_length": 10, "output_length": 5, "hash_ids": []}
      {"timestamp": 0, "input_length": 40, "output_length": 25, "hash_ids": [0, 9]}
      """)
    #expect(found.map(\.prefixBlockTokens) == [16, 16, 16])
    let measured = try requests(
      #"{"timestamp":1,"input_length":20,"output_length":20,"hash_ids":[1],"output_hash_ids":[2,3],"g":{"ttft_ms":2}}"#
    )
    #expect(measured.map(\.prefixBlockTokens) == [16])
    #expect(measured.map(\.outputBlocks) == [[2, 3]])
  }

  private let lengths = "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n74,918,992,0.08\n5,0,5,1.5\n"

  @Test func lengthsNeedArrivals() throws {
    let error = #expect(throws: WorkloadError.self) { try requests(lengths) }
    #expect(error?.description.contains("--arrivals") == true)
    for text in [lengths, "num_prefill_tokens,num_decode_tokens\n74,918\n5,0\n"] {
      let path = try file(text)
      func open(_ rateScale: Double) throws -> [WorkloadRequest] {
        var trace = try TraceWorkload(
          path: path, mix: .standard, rateScale: rateScale, arrivals: ArrivalProcess(.poisson, ratePerS: 2))
        return [try #require(try trace.next()), try #require(try trace.next())]
      }
      let found = try open(1)
      #expect(found.map(\.promptTokens) == [74, 5])
      #expect(found.map(\.outputTokens) == [918, 1])
      #expect(found[0].arrivalUs > 0 && found[1].arrivalUs > found[0].arrivalUs)
      #expect(try open(2).map(\.arrivalUs) == found.map { Int64(Double($0.arrivalUs) / 2) })
    }
  }

  @Test func packedFilesAreUnpackedAndBrokenOnesRefused() throws {
    let path = try file(azure)
    let gzip = Process()
    gzip.executableURL = URL(filePath: "/usr/bin/env")
    gzip.arguments = ["gzip", path]
    try gzip.run()
    gzip.waitUntilExit()
    var trace = try TraceWorkload(path: path + ".gz", mix: .standard)
    #expect(try trace.next()?.promptTokens == 374)
    let packed = try Data(contentsOf: URL(filePath: path + ".gz"))
    try packed.prefix(packed.count - 9).write(to: URL(filePath: path + ".gz"))
    let error = #expect(throws: WorkloadError.self) { try TraceWorkload(path: path + ".gz", mix: .standard) }
    #expect(error?.description.contains("gzip") == true)
  }

  /// Every trace beside the project is read to its end; the counts are those of its README.
  @Test(
    .enabled(if: access(TraceData.azure, R_OK) == 0),
    arguments: [
      ("azure_2023_conv.csv", 19_366), ("mooncake_fast25_conversation.jsonl.gz", 12_031),
      ("sharegpt300_llama31_8b_hash16_measured_vllm.jsonl.gz", 300), ("servegen_m-small_1h_12rps_tenants.csv", 43_037),
      ("bwb_lengths_llama2.csv.gz", 33_768), ("sharegpt_val_10k_lengths_llama2.csv", 10_000),
    ])
  func sharedTraces(name: String, count: Int) throws {
    let isLengths = name.contains("lengths")
    var trace = try TraceWorkload(
      path: TraceData.shared + "/traces/" + name, mix: .standard,
      arrivals: isLengths ? ArrivalProcess(.weibull, ratePerS: 10, variation: 2) : nil)
    var found = 0
    while try trace.next() != nil { found += 1 }
    #expect(found == count)
  }

  @Test(arguments: [
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,374\n", 2, "2 fields"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,374,44\n2023-11-16 18:15,3,4\n", 3, "TIMESTAMP"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,x,44\n", 2, "ContextTokens"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,0,44\n", 2, "ContextTokens"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,5,4\n2023-11-16 18:15:45,5,4\n", 3, "in order"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,5,4\n\n2023-11-16 18:15:47,5,4\n", 3, "fields"),
    ("arrival_s,tenant,input_tokens,output_tokens\n0.5,14,28\n", 2, "3 fields"),
    ("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 5}\n{\"timestamp\": 2, \"input_le", 2, "no JSON"),
    ("{\"timestamp\": 1, \"output_length\": 5}\n", 1, "input_length"),
    ("arrival_s,tenant,input_tokens,output_tokens\n0.5,,28,3\n", 2, "tenant"),
    ("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": 7}\n", 1, "hash_ids"),
    ("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [1, 2]}\n", 1, "at most 1"),
    ("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [-1]}\n", 1, "hash_ids"),
  ])
  func malformedLinesAreNamed(_ text: String, _ line: Int, _ words: String) {
    let error = #expect(throws: WorkloadError.self) { try requests(text) }
    guard case .malformed(_, let found, let message) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found == line)
    #expect(message.contains(words), "\(message)")
    #expect(error?.description.contains("line \(line)") == true)
  }

  @Test func otherFilesAreRefused() throws {
    #expect(throws: WorkloadError.self) { try requests("a,b,c\n1,2,3\n") }
    #expect(throws: WorkloadError.self) { try requests("") }
    #expect(throws: WorkloadError.self) { try requests("TIMESTAMP,ContextTokens,GeneratedTokens\n") }
    #expect(throws: WorkloadError.self) { try TraceWorkload(path: "/no/such/file", mix: .standard) }
  }

  @Test func classMixesAreRead() throws {
    let good = #"{"classes":[{"name":"a","share":1,"ttft_slo_ms":5,"tpot_slo_ms":6}]}"#
    let read = try ClassMix.decode(bytes: Array(good.utf8))
    #expect(read.entries == [.init(name: "a", share: 1, ttftSLOMs: 5, tpotSLOMs: 6, weight: 1)])
    let heavy = try ClassMix.decode(bytes: Array(good.replacing("}]", with: ",\"weight\":3}]").utf8))
    #expect(heavy.entries.map(\.weight) == [3])
    for broken in [
      "{}", "[]", "nonsense", good.replacing("1", with: "0"), good.replacing("}]", with: ",\"weight\":0}]"),
      good.replacing("5", with: "\"5\""),
    ] {
      #expect(throws: WorkloadError.self) { try ClassMix.decode(bytes: Array(broken.utf8)) }
    }
  }

  @Test func theGeneratorRepeatsItselfAndKeepsItsRate() {
    func generate(_ seed: UInt64) -> [WorkloadRequest] {
      var workload = GeneratedWorkload(requests: 4_000, ratePerS: 10, mix: .standard, seed: seed)
      var requests: [WorkloadRequest] = []
      while let request = workload.next() { requests.append(request) }
      return requests
    }
    let requests = generate(1)
    #expect(requests == generate(1))
    #expect(requests != generate(2))
    #expect(Set(requests.map(\.tenant)).count == GeneratedWorkload.tenants)
    #expect(Set(requests.map(\.classIndex)) == [0, 1, 2])
    let rate = 4_000 / (Double(requests.last!.arrivalUs) / 1_000_000)
    #expect(rate > 7 && rate < 13, "\(rate)")
    #expect(zip(requests, requests.dropFirst()).allSatisfy { $0.arrivalUs <= $1.arrivalUs })
  }
}
