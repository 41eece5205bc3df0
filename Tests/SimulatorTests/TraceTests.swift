import Foundation
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

  @Test func mooncakeHasPrefixBlocks() throws {
    let found = try requests(
      """
      {"timestamp": 10, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 2]}
      {"timestamp": 12.5, "input_length": 40, "output_length": 6, "hash_ids": [0, 9, 10], "more": 1}
      """)
    #expect(found.map(\.prefixBlocks) == [[0, 1, 2], [0, 9, 10]])
    #expect(found.map(\.prefixBlockTokens) == [512, 16])
    #expect(found.map(\.arrivalUs) == [0, 2_500])
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
    #expect(try ClassMix.decode(bytes: Array(good.utf8)).entries.map(\.name) == ["a"])
    for broken in ["{}", "[]", "nonsense", good.replacing("1", with: "0"), good.replacing("5", with: "\"5\"")] {
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
