import Testing
import WireProtocol

@testable import coxswain

/// What `top` makes of the replies.
@Suite struct TopSampleTests {
  private static let policy: JSONValue = [
    "default_class": "standard",
    "classes": [["name": "chat", "ttft_slo_ms": 500], ["name": "standard", "ttft_slo_ms": 2000]],
  ]

  private static func request(_ name: String, ageMs: Int, running: Bool = false, output: Int = 0) -> JSONValue {
    [
      "class": .string(name), "age_us": JSONValue(ageMs * 1000), "running": .bool(running),
      "output": JSONValue(output),
    ]
  }

  @Test func slackIsWhatIsLeftToTheFirstToken() {
    let slack = SlackHistogram(
      [
        Self.request("chat", ageMs: 600), Self.request("chat", ageMs: 450), Self.request("unheard", ageMs: 1500),
        Self.request("standard", ageMs: 0), Self.request("chat", ageMs: 9000, running: true),
        Self.request("chat", ageMs: 9000, output: 3),
      ], policy: Self.policy)
    #expect(slack.counts == [1, 1, 1, 1, 0])
    #expect(slack.line == "slack of waiting requests: late 1 | <100 ms 1 | <1 s 1 | <10 s 1 | more 0")
  }

  @Test func pressureSaysWhatIsKnown() {
    #expect(PressureLine.text([:]) == "pressure: not known")
    let leaf: JSONValue = ["some": ["avg10_percent": ["value": 12.34, "status": "stale"]]]
    let text = PressureLine.text(["memory": ["pressure": leaf, "level": ["value": "warn", "status": "ok"]]])
    #expect(text == "pressure: memory 12.3% (stale) (some, 10 s); memory level warn")
  }
}
