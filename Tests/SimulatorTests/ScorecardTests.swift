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
    card.countedUs = 2_000_000
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

  private func card(_ change: (inout Scorecard) -> Void) -> Scorecard {
    var card = Scorecard(
      policy: "p", profile: "g",
      mix: ClassMix(entries: [
        .init(name: "a", share: 1, ttftSLOMs: 100, tpotSLOMs: 10, weight: 3),
        .init(name: "b", share: 1, ttftSLOMs: 100, tpotSLOMs: 10, weight: 1),
      ]))
    change(&card)
    card.close()
    return card
  }

  private func outcome(_ classIndex: Int, ttftUs: Int, lateGaps: Int = 0) -> RequestOutcome {
    RequestOutcome(
      classIndex: classIndex, tenant: "t", promptTokens: 99, outputTokens: 201, ttftUs: ttftUs, tpotUs: 5_000,
      maxGapUs: 50_000, lateGaps: lateGaps, isShed: false)
  }

  /// 200 gaps may have two late ones; two good requests of weight 3 out of two of them and two of weight 1.
  @Test func strictGapsAndWeights() {
    let card = card {
      $0.add(outcome(0, ttftUs: 1, lateGaps: 2))
      $0.add(outcome(0, ttftUs: 1, lateGaps: 3))
      $0.add(outcome(1, ttftUs: 100_001))
      $0.add(outcome(1, ttftUs: 100_001))
    }
    #expect(card.withinSLORatio == 0.5)
    #expect(card.strictRatio == 0.25)
    #expect(card.weightedRatio == 0.75)
    #expect(card.worstClassStrictRatio == 0)
    #expect(card.json["classes"]?[0]?["strict_within_slo_ratio"] == .number(0.5))
  }

  /// 99 gaps of 10 ms and a preempted one of 900 ms: the tail at p99 is the preemption's.
  @Test func preemptionAddsToTheTail() {
    let card = card {
      for _ in 0..<99 { $0.addGap(us: 1_000, hadPreemption: false) }
      $0.addGap(us: 2_000, hadPreemption: true)
    }
    #expect(card.json["token_gap_p99_added_by_preemption_ms"] == .number(1))
    #expect(card.json["token_gap_ms"]?["p50"] == .number(1))
    #expect(card.json["preempted_gap_ms"]?["p50"] == .number(2))
  }

  /// One hour at 3 dollars for 600 tokens, half of them good.
  @Test func dollars() {
    var card = card {
      $0.add(outcome(0, ttftUs: 1))
      $0.add(outcome(0, ttftUs: 200_000))
      $0.countedUs = 3_600_000_000
    }
    #expect(card.json["usd_per_million_tokens"] == .null)
    card.pricePerHour = 3
    #expect(card.json["usd_per_million_tokens"] == .number(5_000))
    #expect(card.json["usd_per_million_good_tokens"] == .number(10_000))
  }

  @Test func trafficIsKeptApart() {
    let card = card {
      $0.addOffload(isCPU: true, bytesOut: 3_000_000, bytesIn: 1_000_000, us: 500_000)
      $0.addOffload(isCPU: false, bytesOut: 8_000_000, bytesIn: 0, us: 1_000_000)
      $0.makespanUs = 2_000_000
    }
    #expect(card.json["cpu_offload"]?["bandwidth_mb_s"] == .number(2))
    #expect(card.json["ssd_offload"]?["bandwidth_mb_s"] == .number(4))
    #expect(card.json["cpu_offload"]?["busy_ratio"] == .number(0.25))
    #expect(card.json["ssd_offload"]?["in_bytes"] == 0)
  }

  @Test func instancesAddUp() {
    func part(_ us: Int) -> Scorecard {
      card {
        $0.add(outcome(0, ttftUs: us))
        $0.addIteration(elapsedUs: us, tokens: 3, occupancy: 0.5, fragmentation: 0.1)
        $0.addGap(us: us, hadPreemption: false)
        $0.makespanUs = Int64(us)
        $0.countedUs = Int64(us)
      }
    }
    var sum = part(1_000)
    sum.merge(part(3_000))
    #expect(sum.requests == 2 && sum.iterations == 2 && sum.computedTokens == 6)
    #expect(sum.gaps.all.count == 2 && sum.gaps.all.max == 3_000)
    #expect(sum.makespanUs == 3_000)
    #expect(abs(sum.busyRatio - 4_000.0 / 6_000) < 1e-9)
    #expect(sum.json["instances"] == 2)
  }
}
