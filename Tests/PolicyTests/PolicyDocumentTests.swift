import Policy
import SchedulerCore
import Testing
import WireProtocol

@Suite struct PolicyDocumentTests {
  private func decode(_ members: String) throws -> PolicyConfig {
    try PolicyDocument.decode(bytes: Array(#"{"version":1,"name":"mine"\#(members)}"#.utf8)).config
  }

  @Test func thePresetsAreThere() {
    let promised: Set = ["balanced", "exerciser", "vllm-v1", "vllm-v1-priority"]
    #expect(promised.isSubset(of: PolicyDocument.presetNames))
    #expect(PolicyDocument.preset("vllm-v2") == nil)
    #expect(PolicyDocument.presetNames.contains(PolicyDocument.defaultPresetName))
    #expect(PolicyDocument.preset(PolicyDocument.servedPresetName)?.need == .balanced)
  }

  @Test(arguments: PolicyDocument.presetNames) func aPresetIsNamedForItsFileAndSaysWhy(name: String) throws {
    let preset = try #require(PolicyDocument.preset(name))
    #expect(preset.config.name == name)
    #expect((preset.json["description"]?.stringValue ?? "").count > 60)
    guard name != "ten-buckets" else { return }
    #expect(preset.config.classes.map(\.name) == ["interactive", "chat", "standard", "batch", "spot"])
    #expect(preset.config.defaultClass == "standard")
  }

  @Test func theBaselineIsVLLM() throws {
    let config = try #require(PolicyDocument.preset("vllm-v1")).config
    #expect(config.ordering == .fcfs)
    #expect(config.batchStrategy == .continuous)
    #expect(config.victimOrder == .lastAdmitted)
    #expect(config.watermarkPpm == 0)
    #expect(config.stepTokens == nil)
    #expect(config.sequences == nil)
    #expect(config.longPrefillTokens == 0)
    #expect(config.draftTokens == 0)
    #expect(
      config.classes == [
        .init(name: "interactive", rank: 0, ttftSLOMs: 500, tpotSLOMs: 25, weight: 16),
        .init(name: "chat", rank: 1, ttftSLOMs: 1000, tpotSLOMs: 50, weight: 8),
        .init(name: "standard", rank: 2, ttftSLOMs: 2000, tpotSLOMs: 50, weight: 4),
        .init(name: "batch", rank: 3, ttftSLOMs: 60_000, tpotSLOMs: 200, weight: 2),
        .init(name: "spot", rank: 4, ttftSLOMs: 600_000, tpotSLOMs: 1000, weight: 1),
      ])
  }

  @Test func theExerciserSaysThatItIsNoPolicyToServeWith() throws {
    let exerciser = try #require(PolicyDocument.preset("exerciser"))
    #expect(exerciser.config.batchStrategy == .exerciser)
    #expect(exerciser.warnings.count == 1)
    #expect(exerciser.json["description"]?.stringValue?.hasPrefix("Never for serving.") == true)
    for name in PolicyDocument.presetNames where name != "exerciser" {
      #expect(PolicyDocument.preset(name)?.warnings == [])
    }
  }

  @Test func aFileWithoutAPresetStartsFromTheDefault() throws {
    var expected = try #require(PolicyDocument.preset(PolicyDocument.defaultPresetName)).config
    expected.name = "mine"
    #expect(try decode("") == expected)
  }

  @Test func membersOfTheFileOverrideThePresetOneByOne() throws {
    var expected = try #require(PolicyDocument.preset("balanced")).config
    expected.name = "mine"
    expected.holdUs = 2000
    expected.sequences = 64
    expected.stepTokens = nil
    #expect(try decode(#","preset":"balanced","batch":{"hold_us":2000,"sequences":64,"step_tokens":null}"#) == expected)
  }

  @Test func theWatermarkBecomesPartsPerMillion() throws {
    #expect(try decode(#","memory":{"watermark_ratio":0.01}"#).watermarkPpm == 10_000)
    #expect(try decode(#","memory":{"watermark_ratio":0.0000011}"#).watermarkPpm == 1)
    #expect(try decode(#","memory":{"watermark_ratio":0.5}"#).watermarkPpm == 500_000)
    #expect(try decode(#","memory":{"watermark_ratio":0}"#).watermarkPpm == 0)
  }

  @Test func aClassMayLeaveItsWeightOut() throws {
    let config = try decode(
      #","classes":[{"name":"a","rank":0,"ttft_slo_ms":1,"tpot_slo_ms":2}],"default_class":"a""#)
    #expect(config.classes == [.init(name: "a", rank: 0, ttftSLOMs: 1, tpotSLOMs: 2, weight: 1)])
  }

  @Test func aNoteForEditorsIsAllowed() throws {
    #expect(try decode(#","$schema":"urn:coxswain:schema:policy:v1""#).name == "mine")
  }

  @Test(arguments: PolicyDocument.presetNames) func theEffectivePolicyIsAPolicyFile(name: String) throws {
    let preset = try #require(PolicyDocument.preset(name))
    let again = try PolicyDocument.decode(preset.effective)
    #expect(again.config == preset.config)
    #expect(again.effective == preset.effective)
    #expect(again.json["preset"] == nil)
  }

  @Test func ranksThatAreAllEqualAreWarnedOf() throws {
    let classes = #""classes":[{"name":"standard","rank":3,"ttft_slo_ms":1,"tpot_slo_ms":2}]"#
    let file = #"{"version":1,"name":"x","preset":"balanced",\#(classes)}"#
    #expect(try PolicyDocument.decode(bytes: Array(file.utf8)).warnings.count == 1)
  }

  /// Ten are the option, an eleventh makes it an experiment that says so and is valid all the same.
  @Test(arguments: [(10, 0), (11, 1)]) func manyClassesAreWarnedOf(count: Int, warnings: Int) throws {
    let classes = (0..<count).map { #"{"name":"c\#($0)","rank":\#($0),"ttft_slo_ms":1,"tpot_slo_ms":2}"# }
    let file =
      #"{"version":1,"name":"x","classes":[\#(classes.joined(separator: ","))],"default_class":"c0"}"#
    let verdict = PolicyVerdict { () throws(PolicyErrors) in try PolicyDocument.decode(bytes: Array(file.utf8)) }
    #expect(verdict.isValid)
    #expect(verdict.warnings.count == warnings)
    #expect(verdict.warnings.allSatisfy { $0.hasPrefix("/classes: 11 classes") })
  }

  @Test func tenBucketsAreTenRanks() throws {
    let preset = try #require(PolicyDocument.preset("ten-buckets"))
    #expect(preset.config.classes.map(\.rank) == Array(0..<10))
    #expect(preset.warnings.isEmpty)
  }

  @Test func aVerdictIsTheWholeTruthAsJSON() throws {
    let exerciser = try #require(PolicyDocument.preset("exerciser"))
    let valid = PolicyVerdict { () throws(PolicyErrors) in exerciser }
    #expect(valid.isValid)
    #expect(valid.json["valid"] == true)
    #expect(valid.json["errors"] == [])
    #expect(valid.json["warnings"]?.arrayValue?.count == 1)
    let invalid = PolicyVerdict { () throws(PolicyErrors) in try PolicyDocument.decode(bytes: Array("{}".utf8)) }
    #expect(!invalid.isValid)
    #expect(invalid.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } == ["/version", "/name"])
    #expect(invalid.json["warnings"] == [])
  }
}
