import Testing
import WireProtocol

@testable import Simulator

struct ScorecardTests {
  @Test func goodnessNeedsBothObjectives() {
    var card = Scorecard(
      policy: "p", profile: "g",
      mix: ClassMix(entries: [.init(name: "a", share: 1, ttftSLOMs: 100, tpotSLOMs: 10)]))
    func add(_ ttftUs: Int?, _ tpotUs: Int, shed: Bool = false) {
      card.add(
        RequestOutcome(
          classIndex: 0, tenant: "t", promptTokens: 90, outputTokens: 10, ttftUs: ttftUs, tpotUs: tpotUs,
          maxGapUs: tpotUs, isShed: shed))
    }
    add(100_000, 10_000)
    add(100_001, 10_000)
    add(100_000, 10_001)
    add(nil, 0)
    add(1, 1, shed: true)
    card.makespanUs = 2_000_000
    let json = card.json
    #expect(json["all"]?["requests"] == 5)
    #expect(json["classes"]?[0]?["within_slo_ratio"] == .number(0.2))
    #expect(json["goodput_requests_per_s"] == .number(0.5))
    #expect(json["goodput_tokens_per_s"] == .number(50))
    #expect(json["goodput_token_ratio"] == .number(0.2))
    #expect(json["shed_requests"] == 1)
    #expect(ScorecardTable.text(json).contains("20.0 %"))
    #expect(ScorecardTable.text(json).split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func everyBundledProfileDecodes() throws {
    #expect(GPUProfile.names.contains(GPUProfile.defaultName))
    for name in GPUProfile.names {
      let profile = try #require(try GPUProfile.bundled(name))
      #expect(profile.name == name)
      #expect(profile.kvCapacityTokens > 0)
    }
    #expect(try GPUProfile.bundled("nothing") == nil)
  }

  @Test func aBrokenProfileNamesTheField() {
    let error = #expect(throws: CallError.self) {
      try GPUProfile.decode(bytes: Array(#"{"version":1,"name":"x","gpu":"y","model":{"id":"m"}}"#.utf8))
    }
    #expect(error?.message.contains("/limits") == true)
  }
}
