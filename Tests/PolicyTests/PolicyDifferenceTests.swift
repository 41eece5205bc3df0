import Testing
import WireProtocol

@testable import Policy

struct PolicyDifferenceTests {
  private static func differences(_ before: String, _ after: String) throws -> [PolicyDifference] {
    PolicyDifference.between(
      try PolicyDocument.decode(bytes: Array(before.utf8)), try PolicyDocument.decode(bytes: Array(after.utf8)))
  }

  @Test func membersThatDifferAreNamed() throws {
    let changes = try Self.differences(
      #"{"version":1,"name":"a"}"#, #"{"version":1,"name":"b","description":"x","batch":{"step_tokens":512}}"#)
    #expect(changes == [PolicyDifference(pointer: "/batch/step_tokens", before: .null, after: 512)])
  }

  @Test func equalPoliciesSayTheSameHoweverTheyAreWritten() throws {
    let preset = try #require(PolicyDocument.preset("balanced"))
    #expect(PolicyDifference.between(preset, try PolicyDocument.decode(preset.effective)).isEmpty)
    #expect(
      try Self.differences(#"{"version":1,"name":"a"}"#, #"{"version":1,"name":"a","preset":"vllm-v1"}"#).isEmpty)
  }

  /// Another order of the classes is no difference of a class.
  @Test func classesAreComparedByName() throws {
    func text(_ classes: [String]) -> String {
      #"{"version":1,"name":"a","default_class":"x","classes":[\#(classes.joined(separator: ","))]}"#
    }
    func entry(_ name: String, _ ttft: Int) -> String {
      #"{"name":"\#(name)","rank":1,"ttft_slo_ms":\#(ttft),"tpot_slo_ms":50}"#
    }
    let changes = try Self.differences(
      text([entry("x", 500), entry("yz", 900)]), text([entry("yz", 800), entry("x", 500), entry("new", 5)]))
    #expect(changes.map(\.pointer) == ["/classes/yz/ttft_slo_ms", "/classes/new"])
    #expect(changes[0].before == 900)
    #expect(changes[1].before == nil)
  }
}
