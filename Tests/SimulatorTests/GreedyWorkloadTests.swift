import Testing

@testable import Simulator

struct GreedyWorkloadTests {
  private func requests(greedy: (tenant: String, times: Int)?) throws -> [WorkloadRequest] {
    var source = WorkloadSource(.generated(requests: 60, ratePerS: 20), mix: .standard, seed: 5)
    source.greedy = greedy
    var workload = try source.open(rateScale: 1)
    var requests: [WorkloadRequest] = []
    while let request = try workload.next() { requests.append(request) }
    return requests
  }

  @Test func eachRequestOfTheTenantComesSoManyTimesWithinASecond() throws {
    let plain = try requests(greedy: nil)
    let greedy = try requests(greedy: ("tenant-1", 4))
    let own = plain.filter { $0.tenant == "tenant-1" }
    #expect(own.count >= 3)
    #expect(greedy.count == plain.count + 3 * own.count)
    #expect(Set(greedy.map(\.id)).count == greedy.count)
    #expect(zip(greedy, greedy.dropFirst()).allSatisfy { $0.arrivalUs <= $1.arrivalUs })
    for request in own {
      let copies = greedy.filter { $0.id == request.id || $0.id.hasPrefix(request.id + "+") }
      #expect(copies.count == 4)
      #expect(copies.allSatisfy { (0...GreedyWorkload.spreadUs).contains($0.arrivalUs - request.arrivalUs) })
      #expect(copies.allSatisfy { $0.promptTokens == request.promptTokens && $0.tenant == "tenant-1" })
    }
  }

  /// Otherwise what is measured has no greedy tenant, and nobody notices.
  @Test func aTenantThatSendsNothingIsAnError() throws {
    do {
      _ = try requests(greedy: ("1", 4))
      Issue.record("expected an error")
    } catch WorkloadError.unknownTenant(let name, let seen) {
      #expect(name == "1")
      #expect(seen.count == 3 && seen.allSatisfy { $0.hasPrefix("tenant-") })
      #expect("\(WorkloadError.unknownTenant(name: name, seen: seen))".contains("such as tenant-"))
    }
  }
}
