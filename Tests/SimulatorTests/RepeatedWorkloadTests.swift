import Foundation
import Testing

@testable import Simulator

struct RepeatedWorkloadTests {
  private func requests(_ source: WorkloadSource, rateScale: Double = 1) throws -> [WorkloadRequest] {
    var workload = try source.open(rateScale: rateScale)
    var requests: [WorkloadRequest] = []
    while let request = try workload.next() { requests.append(request) }
    #expect(workload.totalRequests == requests.count)
    return requests
  }

  private func path(_ text: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coxswain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "trace")
    try Data(text.utf8).write(to: path)
    return path.path(percentEncoded: false)
  }

  /// Arrivals at 0, 2 and 4 s: the mean gap is 2 s, so that the copies go on at 6 and 12 s; twice as fast, half of it.
  @Test func copiesFollowAtTheMeanGap() throws {
    let text = "arrival_s,tenant,input_tokens,output_tokens\n1,a,5,2\n3,b,6,2\n5,a,7,2\n"
    var source = WorkloadSource(.trace(path: try path(text), first: nil), mix: .standard, seed: 4)
    source.copies = 3
    let found = try requests(source)
    #expect(found.map { $0.arrivalUs / 1_000_000 } == [0, 2, 4, 6, 8, 10, 12, 14, 16])
    #expect(found.map(\.promptTokens) == [5, 6, 7, 5, 6, 7, 5, 6, 7])
    #expect(Set(found.map(\.id)).count == 9)
    #expect(try requests(source, rateScale: 2).map { $0.arrivalUs / 1_000_000 } == [0, 1, 2, 3, 4, 5, 6, 7, 8])
    source.kind = .trace(path: try path(text), first: 2)
    #expect(try requests(source).map(\.promptTokens) == [5, 6, 5, 6, 5, 6])
  }

  @Test func copiesShareNoPrefixes() throws {
    let line = #"{"timestamp": 0, "input_length": 1024, "output_length": 5, "hash_ids": [0, 1]}"#
    var source = WorkloadSource(.trace(path: try path(line + "\n" + line + "\n"), first: nil), mix: .standard, seed: 4)
    source.copies = 2
    let found = try requests(source)
    #expect(found[0].prefixBlocks == found[1].prefixBlocks)
    #expect(found[2].prefixBlocks == found[3].prefixBlocks)
    #expect(Set(found[0].prefixBlocks).isDisjoint(with: found[2].prefixBlocks))
  }

  @Test func classesOfCopiesAreDrawnAnew() throws {
    var source = WorkloadSource(.generated(requests: 200, ratePerS: 10), mix: .standard, seed: 4)
    source.copies = 2
    let found = try requests(source)
    #expect(found.prefix(200).map(\.classIndex) != found.suffix(200).map(\.classIndex))
    #expect(found == (try requests(source)))
    #expect(zip(found, found.dropFirst()).allSatisfy { $0.arrivalUs <= $1.arrivalUs })
  }
}
