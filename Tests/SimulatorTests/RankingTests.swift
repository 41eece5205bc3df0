import SchedulerCore
import Testing

@testable import Simulator

struct RankingTests {
  @Test func whatFlipsIsNotClaimed() {
    let ranking = Ranking(
      schedulers: ["a", "b", "c"], perturbations: ["as is", "slow", "fast"],
      scores: [[0.9, 0.8, 0.895], [0.7, 0.75, 0.6], [0.95, 0.9, 0.95]])
    let claims = ranking.claims
    // a and c are too near to each other to be ranked.
    #expect(claims.map(\.better) == ["a", "c"])
    #expect(claims.map(\.worse) == ["b", "b"])
    #expect(claims.map(\.flips) == [["slow"], ["slow"]])
    #expect(abs(claims[0].leastLead - -0.05) < 1e-9)
    #expect(ranking.table.contains("not claimed: flips with slow"))
    #expect(ranking.json["claims"]?[0]?["claimed"] == false)
  }

  @Test func whatHoldsIsClaimed() {
    let ranking = Ranking(
      schedulers: ["a", "b"], perturbations: ["as is", "slow"], scores: [[0.9, 0.5], [0.2, 0.2]])
    #expect(ranking.claims.map(\.isRobust) == [true])
    #expect(ranking.table.contains("holds everywhere"))
  }

  @Test func profilesAreWrongByTheFactors() throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    #expect(ProfilePerturbation.all.count == 9)
    #expect(ProfilePerturbation.all[0] == .none)
    #expect(profile.perturbed(by: .none) == profile)
    #expect(Set(ProfilePerturbation.all.map(\.name)).count == 9)
    let slow = profile.perturbed(by: ProfilePerturbation(mixedFactor: 1.5, overheadFactor: 0.5))
    #expect(slow.time.overheadUs == 1000)
    #expect(slow.time.decodeOnly == profile.time.decodeOnly)
    var mixed = IterationFeatures()
    mixed.addPrefill(tokens: 500, prefix: 100)
    mixed.addDecode(context: 900)
    let (before, after) = (profile.time.elapsedUs(mixed) - 2000, slow.time.elapsedUs(mixed) - 1000)
    #expect(abs(Double(after) / Double(before) - 1.5) < 1e-3)
    #expect(ProfilePerturbation(mixedFactor: 1.5, overheadFactor: 0.5).name == "mixed +50 %, overhead -50 %")
  }

  @Test func aSchedulerIsToldTimesThatAreOffByTheFactor() throws {
    let profile = try #require(try GPUProfile.bundled("h100-llama31-8b"))
    let table = IterationTimeTable(
      prefill: try #require(TimeCurve(x: [0, 100], ms: [10, 20])),
      decode: try #require(TimeCurve(x: [1, 10], ms: [5, 6])), decodeContext: 1_000,
      context: try #require(TimeCurve(x: [0, 1_000], ms: [0, 1])), mixedFactor: 1.1)
    let tabled = IterationTimeModel(
      form: .table, decodeOnly: profile.time.decodeOnly, withPrefill: profile.time.withPrefill, overheadUs: 2_000,
      table: table)
    var decodes = IterationFeatures()
    decodes.addDecode(context: 900)
    var mixed = decodes
    mixed.addPrefill(tokens: 500, prefix: 100)
    for time in [profile.time, tabled] {
      for features in [decodes, mixed] {
        let ratio = Double(time.scaled(by: 0.85).elapsedUs(features)) / Double(time.elapsedUs(features))
        #expect(abs(ratio - 0.85) < 1e-3)
      }
    }
  }
}
