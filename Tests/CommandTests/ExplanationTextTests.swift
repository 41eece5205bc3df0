import Testing
import WireProtocol

@testable import coxswain

struct ExplanationTextTests {
  private func reply(events: Int) -> JSONValue {
    let history = (0..<events).map { index -> JSONValue in
      ["age_us": JSONValue(index), "steps": 1, "event": "passed_over", "text": .string("for the reason \(index)")]
    }
    return ["id": "a", "h": 1, "session": "s-1", "state": "waiting", "history": .array(history)]
  }

  private func reasons(_ text: String) -> [Int] {
    text.split(separator: "\n").compactMap { line in
      line.contains("for the reason ") ? line.split(separator: " ").last.flatMap { Int($0) } : nil
    }
  }

  @Test func aLongLifeIsShownByItsEnds() {
    let text = ExplanationText.text(reply(events: 100), showsAll: false)
    #expect(reasons(text) == Array(0..<4) + Array(80..<100))
    #expect(text.contains("76 more transitions; with them: --all"))
  }

  @Test func allOfItIsShownOnRequest() {
    let text = ExplanationText.text(reply(events: 100), showsAll: true)
    #expect(reasons(text) == Array(0..<100))
    #expect(!text.contains("--all"))
  }

  @Test func theExpectedWaitIsTold() {
    guard case .object(var message) = reply(events: 1) else { return }
    message["now"] = ["age_us": 5_000, "wait_us": 1_200_000, "wait_most_us": 2_000_000]
    let text = ExplanationText.text(.object(message), showsAll: false)
    #expect(text.contains("it starts in about 1.20 s (at most 2.00 s)"))
  }

  @Test func aShortLifeIsShownWhole() {
    let text = ExplanationText.text(reply(events: 24), showsAll: false)
    #expect(reasons(text) == Array(0..<24))
  }
}
