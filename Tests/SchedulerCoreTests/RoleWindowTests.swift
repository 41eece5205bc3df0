import SchedulerCore
import Testing

/// What the planner of roles is told, by numbers that can be counted.
@Suite struct RoleWindowTests {
  /// One arrival every 100 ms from 0 on, prompts of 100 and 300 tokens in turn; answers of 1 to 40 tokens.
  private func window(arrivals: Int = 40, ends: Int = 40) -> RoleWindow {
    var window = RoleWindow()
    for index in 0..<arrivals {
      window.addArrival(
        promptTokens: index % 2 == 0 ? 100 : 300, hitTokens: 50, ttftSLOUs: 500_000 + index, tpotSLOUs: 40_000 - index,
        nowUs: Int64(index) * 100_000)
    }
    for index in 0..<ends {
      let arrivalUs = Int64(index) * 100_000
      window.addEnd(
        outputTokens: index + 1, isInTime: index % 4 != 0, arrivalUs: arrivalUs, nowUs: arrivalUs + 50_000)
    }
    return window
  }

  @Test func loadOfAWindow() throws {
    let load = try #require(window().load(nowUs: 4_000_000))
    #expect(load.requestsPerKiloS == 10_000)
    #expect(load.promptTokens == 200)
    #expect(load.hitTokens == 50)
    // 820 tokens in 40 answers; with fewer than 100 the shortest is the short one.
    #expect(load.outputTokens == 20)
    #expect(load.shortOutputTokens == 1)
    #expect(load.ttftSLOUs == 500_000)
    #expect(load.tpotSLOUs == 39_961)
  }

  @Test func tooLittleSaysNothing() {
    #expect(window(arrivals: RoleWindow.requestsMin - 1).load(nowUs: 4_000_000) == nil)
    #expect(window(ends: RoleWindow.requestsMin - 1).load(nowUs: 4_000_000) == nil)
    #expect(window(ends: RoleWindow.requestsMin - 1).inTimePerMille(sinceUs: 0, nowUs: 4_000_000) == nil)
  }

  @Test func whatIsOldDoesNotCount() {
    let window = window()
    #expect(window.load(nowUs: 4_000_000 + RoleWindow.spanUs) == nil)
    #expect(window.inTimePerMille(sinceUs: 0, nowUs: 4_000_000 + RoleWindow.spanUs) == nil)
  }

  /// Of 40, every fourth is late; of those from the ninth on 32, of which 8 are late.
  @Test func shareInTime() {
    #expect(window().inTimePerMille(sinceUs: 0, nowUs: 4_000_000) == 750)
    #expect(window().inTimePerMille(sinceUs: 800_000, nowUs: 4_000_000) == 750)
    #expect(window().inTimePerMille(sinceUs: 800_001, nowUs: 4_000_000) == nil)
  }

  /// An answer that never came has no length.
  @Test func endsWithoutAnAnswer() throws {
    var window = window()
    for _ in 0..<10 { window.addEnd(outputTokens: 0, isInTime: false, arrivalUs: 0, nowUs: 3_990_000) }
    #expect(try #require(window.load(nowUs: 4_000_000)).outputTokens == 20)
    #expect(window.inTimePerMille(sinceUs: 0, nowUs: 4_000_000) == 600)
  }

  @Test func aWindowForgetsTheOldest() throws {
    var window = RoleWindow()
    for index in 0..<5_000 {
      window.addArrival(
        promptTokens: index, hitTokens: 0, ttftSLOUs: 1, tpotSLOUs: 1, nowUs: Int64(index) * 1_000)
      window.addEnd(outputTokens: 7, isInTime: true, arrivalUs: 0, nowUs: Int64(index) * 1_000)
    }
    let load = try #require(window.load(nowUs: 5_000_000))
    // The last 1,024 prompts: 3,976 to 4,999, in 1,024 ms.
    #expect(load.promptTokens == 4_487)
    #expect(load.requestsPerKiloS == 1_000_000)
  }
}
