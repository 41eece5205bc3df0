import Policy
import Testing

/// Presets for needs, and the caps that a need implies.
@Suite struct PolicyNeedTests {
  private func warnings(_ members: String) throws -> [String] {
    try PolicyDocument.decode(bytes: Array(#"{"version":1,"name":"mine",\#(members)}"#.utf8)).warnings
  }

  @Test(arguments: PolicyNeed.allCases) func eachNeedHasAPresetOfItsNameWithinItsCaps(need: PolicyNeed) throws {
    let preset = try #require(PolicyDocument.preset(need.rawValue))
    #expect(preset.need == need)
    #expect(preset.json["need"]?.stringValue == need.rawValue)
    #expect(preset.warnings == [])
  }

  @Test func aFileHasThePresetsNeedUnlessItSaysAnother() throws {
    func need(_ members: String) throws -> PolicyNeed? {
      try PolicyDocument.decode(bytes: Array(#"{"version":1,"name":"mine"\#(members)}"#.utf8)).need
    }
    #expect(try need("") == nil)
    #expect(try need(#","preset":"cost""#) == .cost)
    #expect(try need(#","preset":"cost","need":"latency""#) == .latency)
  }

  @Test func anUnknownNeedIsAnError() throws {
    let error = #expect(throws: PolicyErrors.self) { try warnings(#""need":"latencey""#) }
    #expect(error?.errors.map(\.pointer) == ["/need"])
    #expect(error?.errors.first?.didYouMean == "latency")
  }

  /// What is beyond a cap is warned of at its place, with name and number; what is at the cap is not.
  @Test(arguments: [
    (#""preset":"balanced","batch":{"step_tokens":2049}"#, "/batch/step_tokens", PolicyCap.latencyStepTokens),
    (#""preset":"balanced","batch":{"step_tokens":null}"#, "/batch/step_tokens", .latencyStepTokens),
    (#""preset":"latency","batch":{"budget_from":"tokens"}"#, "/batch/step_tokens", .latencyStepTokens),
    (
      #""preset":"throughput","preemption":{"per_second":6}"#, "/preemption/per_second",
      .throughputPreemptionsPerSecond
    ),
    (#""need":"throughput""#, "/preemption/per_second", .throughputPreemptionsPerSecond),
    (#""preset":"cost","preemption":{"means":"swap","per_second":3}"#, "/preemption/per_second", .costSwapsPerSecond),
    (#""preset":"fairness","queue":{"fairness":"none"}"#, "/queue/ordering", .tenantsWithoutTurns),
    (
      #""tenants":[{"name":"a","weight":1},{"name":"b","weight":1}]"#, "/queue/ordering", .tenantsWithoutTurns
    ),
    (
      #""queue":{"ordering":"sjf_predicted"},"tenants":[{"name":"a","weight":1},{"name":"b","weight":1}]"#,
      "/queue/ordering", .tenantsWithoutTurns
    ),
  ]) func beyondACap(members: String, pointer: String, cap: PolicyCap) throws {
    let warnings = try warnings(members)
    #expect(warnings.count == 1)
    #expect(warnings.first?.hasPrefix("\(pointer): ") == true)
    #expect(warnings.first?.contains("cap \(cap.rawValue) is \(cap.limit)") == true)
  }

  @Test(arguments: [
    #""preset":"balanced","batch":{"step_tokens":2048}"#,
    #""preset":"latency","batch":{"budget_from":"tokens","step_tokens":512}"#,
    #""preset":"throughput","preemption":{"per_second":5}"#,
    #""need":"throughput","batch":{"strategy":"orca"}"#,
    #""preset":"cost","preemption":{"means":"swap","per_second":2}"#,
    #""preset":"cost","preemption":{"per_second":null}"#,
    #""need":"fairness","queue":{"ordering":"vtc"}"#,
    #""tenants":[{"name":"a","weight":1}]"#,
    #""queue":{"ordering":"vtc"},"tenants":[{"name":"a","weight":1},{"name":"b","weight":1}]"#,
  ]) func withinTheCaps(members: String) throws { #expect(try warnings(members) == []) }
}
