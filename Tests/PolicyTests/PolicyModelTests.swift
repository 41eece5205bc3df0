import Policy
import Testing
import WireProtocol

/// Settings that single models have of their own.
@Suite struct PolicyModelTests {
  private func decode(_ models: String) throws -> PolicyDocument {
    let file = #"{"version":1,"name":"mine","preset":"balanced","models":\#(models)}"#
    return try PolicyDocument.decode(bytes: Array(file.utf8))
  }

  @Test func aModelGetsThePolicyWithItsOwnMembersOnTop() throws {
    let document = try decode(
      #"[{"name":"a/8b","batch":{"step_tokens":512}},{"name":"b","queue":{"ordering":"edf"}}]"#)
    var expected = document.config
    #expect(document.tailored(to: "c").config == expected)
    expected.stepTokens = 512
    #expect(document.tailored(to: "a/8b").config == expected)
    #expect(document.tailored(to: "a/8b").tailored(to: "a/8b").config == expected)
    #expect(document.tailored(to: "b").config.ordering == .edf)
    #expect(document.tailored(to: "b").config.stepTokens == document.config.stepTokens)
  }

  @Test func theEffectivePolicyKeepsTheModels() throws {
    let document = try decode(#"[{"name":"a","batch":{"step_tokens":512}}]"#)
    let again = try PolicyDocument.decode(document.effective)
    #expect(again.models == document.models)
    #expect(again.effective == document.effective)
  }

  @Test(arguments: [
    (#"[{"batch":{}}]"#, "/models/0/name"),
    (#"[{"name":"a","batch":{"step_token":1}}]"#, "/models/0/batch/step_token"),
    (#"[{"name":"a"},{"name":"b","batch":{"step_tokens":0}}]"#, "/models/1/batch/step_tokens"),
    (#"[{"name":"a","preset":"cost"}]"#, "/models/0/preset"),
    (#"[{"name":"a"},{"name":"a"}]"#, "/models/1/name"),
    (#"[{"name":"a","default_class":"gold"}]"#, "/models/0/default_class"),
    (#"[{"name":"a","tenants":[{"name":"t"}]}]"#, "/models/0/tenants/0/weight"),
    (
      #"[{"name":"a","classes":[{"name":"x","rank":-1,"ttft_slo_ms":1,"tpot_slo_ms":1}],"default_class":"x"}]"#,
      "/models/0/classes/0/rank"
    ),
  ]) func errorsPointIntoTheModel(models: String, pointer: String) throws {
    let errors = #expect(throws: PolicyErrors.self) { try decode(models) }
    #expect(errors?.errors.map(\.pointer) == [pointer])
  }

  @Test func aCapThatAModelAloneBreaksIsWarnedOfThere() throws {
    let warnings = try decode(#"[{"name":"a"},{"name":"b","batch":{"step_tokens":4096}}]"#).warnings
    #expect(warnings.count == 1)
    #expect(warnings.first?.hasPrefix("/models/1/batch/step_tokens: need balanced, cap latency_step_tokens") == true)
  }
}
