import Policy
import SchedulerCore
import Testing
import WireProtocol

/// What a user reads after a slip.
@Suite struct PolicyErrorTests {
  private func errors(_ text: String) throws -> [PolicyError] {
    do throws(PolicyErrors) { _ = try PolicyDocument.decode(bytes: Array(text.utf8)) } catch { return error.errors }
    Issue.record("accepted: \(text)")
    return []
  }

  private func onlyError(_ members: String) throws -> PolicyError {
    let errors = try errors(#"{"version":1,"name":"x",\#(members)}"#)
    #expect(errors.count == 1, "\(errors.map(\.text))")
    return try #require(errors.first)
  }

  @Test func aTypoInAMemberSuggestsTheName() throws {
    let error = try onlyError(#""batch":{"step_token":2048}"#)
    #expect(error.pointer == "/batch/step_token")
    #expect(error.message == "unknown member")
    #expect(
      error.expected
        == "one of strategy, step_tokens, sequences, long_prefill_tokens, chunk_tile_tokens, budget_from, "
        + "slice_iterations, deadline_anchor, hold_us")
    #expect(error.found == "\"step_token\"")
    #expect(error.didYouMean == "step_tokens")
  }

  /// Shares are checked together, and only where they count.
  @Test func sharesHaveToFitTheAllocation() throws {
    func classes(_ a: Double, _ b: Double) -> String {
      #""classes":[{"name":"a","rank":0,"ttft_slo_ms":1,"tpot_slo_ms":2,"reserved_ratio":\#(a)},"#
        + #"{"name":"b","rank":1,"ttft_slo_ms":1,"tpot_slo_ms":2,"reserved_ratio":\#(b)}],"default_class":"a""#
    }
    let atLeast = #""queue":{"allocation":"at_least"}"#
    #expect(try onlyError("\(classes(0.7, 0.4)),\(atLeast)").pointer == "/classes")
    #expect(try onlyError("\(classes(0.7, 0)),\(atLeast)").pointer == "/classes/1/reserved_ratio")
    let fits = classes(0.7, 0.3)
    let ranked = try onlyError(#"\#(fits),\#(atLeast),"batch":{"strategy":"ranked"}"#)
    #expect(ranked.pointer == "/queue/allocation" && ranked.found == "strategy ranked")
    let turns = try onlyError(#"\#(fits),"queue":{"allocation":"strict","ordering":"vtc"}"#)
    #expect(turns.pointer == "/queue/allocation" && turns.found == "ordering vtc")
    for members in ["\(fits),\(atLeast)", classes(0.7, 0.4)] {
      _ = try PolicyDocument.decode(bytes: Array(#"{"version":1,"name":"x",\#(members)}"#.utf8))
    }
  }

  @Test(arguments: [
    (#""queue":{"ordering":"fcsf"}"#, "/queue/ordering", "fcfs"),
    (#""preset":"vlm-v1""#, "/preset", "vllm-v1"),
    (#""default_class":"intractive""#, "/default_class", "interactive"),
    (#""preemption":{"victim_order":"last_admited"}"#, "/preemption/victim_order", "last_admitted"),
    (#""bacth":{}"#, "/bacth", "batch"),
  ]) func aTypoInAWordSuggestsTheWord(members: String, pointer: String, suggestion: String) throws {
    let error = try onlyError(members)
    #expect(error.pointer == pointer)
    #expect(error.didYouMean == suggestion)
  }

  @Test func aWordFarFromAllOthersSuggestsNothing() throws {
    #expect(try onlyError(#""queue":{"ordering":"alphabetical"}"#).didYouMean == nil)
  }

  @Test(arguments: [
    (#""batch":{"hold_us":999}"#, "/batch/hold_us", "out of range", "an integer from 1000 to 100000", "999"),
    (#""batch":{"hold_us":"5ms"}"#, "/batch/hold_us", "wrong type", "an integer from 1000 to 100000", "\"5ms\""),
    (#""batch":{"sequences":0}"#, "/batch/sequences", "out of range", "null or an integer from 1 to 65536", "0"),
    (
      #""memory":{"watermark_ratio":0.51}"#, "/memory/watermark_ratio", "out of range", "a number from 0 to 0.5", "0.51"
    ),
    (
      #""speculation":{"draft_tokens":1.5}"#, "/speculation/draft_tokens", "out of range", "an integer from 0 to 35",
      "1.5"
    ),
    (#""queue":[]"#, "/queue", "wrong type", "an object", "[]"),
    (#""classes":[]"#, "/classes", "wrong size", "an array of 1 to 16 entries", "0 entries"),
    (#""classes":{}"#, "/classes", "wrong type", "an array of 1 to 16 entries", "{}"),
    (
      #""preset":null"#, "/preset", "wrong type", "one of \(PolicyDocument.presetNames.joined(separator: ", "))", "null"
    ),
  ]) func aValueNamesItsRange(members: String, pointer: String, message: String, expected: String, found: String) throws
  {
    let error = try onlyError(members)
    #expect(error == PolicyError(pointer: pointer, message: message, expected: expected, found: found))
  }

  @Test func theVersionIsOne() throws {
    let errors = try errors(#"{"version":2,"name":"x"}"#)
    #expect(errors.map(\.pointer) == ["/version"])
  }

  @Test func everythingWrongIsReportedAtOnceInOrder() throws {
    let errors = try errors(
      #"""
      {"nmae":"x","version":"1","classes":[{"name":"a","rank":-1,"ttft_slo_ms":1,"tpot_slo_ms":1},{"name":"a"}],
       "default_class":"b","batch":{"strategy":"greedy","hold_us":1},"a/b~c":1}
      """#)
    #expect(
      errors.map(\.pointer) == [
        "/nmae", "/a~1b~0c", "/name", "/version", "/classes/0/rank", "/classes/1/rank", "/classes/1/ttft_slo_ms",
        "/classes/1/tpot_slo_ms", "/classes/1/name", "/default_class", "/batch/strategy", "/batch/hold_us",
      ])
  }

  @Test func classesOfTheFileHaveToIncludeTheDefaultClass() throws {
    let error = try onlyError(#""classes":[{"name":"gold","rank":0,"ttft_slo_ms":1,"tpot_slo_ms":1}]"#)
    #expect(error.pointer == "/default_class")
    #expect(error.found == "\"standard\"")
    #expect(error.expected == "one of gold")
  }

  @Test(arguments: ["", " ", "{", "{\"version\":1,}", "[1]", "null", "{\"version\":1,\"version\":1,\"name\":\"x\"}"])
  func whatIsNoPolicyIsRefused(text: String) throws {
    #expect(try errors(text).count == 1)
  }

  @Test func aSyntaxErrorNamesLineAndColumn() throws {
    let error = try #require(try errors("{\n  \"version\": 1,\n  \"name\": nope\n}").first)
    #expect(error.message.hasPrefix("line 3, column 11: "), "\(error.message)")
    #expect(error.found == "\"nope\"")
  }

  @Test func theErrorIsJSONWithStableKeys() throws {
    let error = try onlyError(#""preemption":{"victim_order":"last_admited"}"#)
    let words = PolicyConfig.VictimOrder.allCases.map(\.rawValue).joined(separator: ", ")
    #expect(
      error.json.text
        == #"{"pointer":"/preemption/victim_order","message":"unknown victim_order","expected":"one of \#(words)","#
        + #""found":"\"last_admited\"","did_you_mean":"last_admitted"}"#
    )
    #expect(
      error.text
        == "/preemption/victim_order: unknown victim_order; expected one of \(words), found \"last_admited\"; "
        + "did you mean \"last_admitted\"?")
  }
}
