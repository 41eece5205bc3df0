import SchedulerCore
import Testing

/// Roles among engines of one host, by numbers that can be worked out by hand.
@Suite struct RolePlannerTests {
  /// An iteration takes 5 ms, 10 us a prompt token and 0.1 ms a sequence.
  private func engine(isPaced: Bool = false, kv: Int = 10_000_000, bandwidth: Int = 0) -> RoleEngine {
    let k = IterationTimeModel.Coefficients(a: 5, b: 0.01, c: 0, d: 0.1, e: 0)
    let prefill = IterationTimeModel.Coefficients(a: 5, b: 0.01, c: 0, d: 0.1, e: 0)
    return RoleEngine(
      time: IterationTimeModel(form: .linear, decodeOnly: k, withPrefill: prefill, overheadUs: 0),
      kvCapacityTokens: kv, kvBytesPerToken: 100_000, transferBytesPerS: bandwidth, isPaced: isPaced)
  }

  private func load(
    rate: Int, prompt: Int, output: Int, short: Int = 1_000, ttftMs: Int = 10_000, tpotMs: Int = 15
  ) -> RoleLoad {
    RoleLoad(
      requestsPerKiloS: rate, promptTokens: prompt, outputTokens: output, shortOutputTokens: short,
      ttftSLOUs: ttftMs * 1_000, tpotSLOUs: tpotMs * 1_000)
  }

  /// 15 ms hold 100 decodes beside the fixed 5 ms and half an iteration over 999 tokens (100.0 at most, 99.9 in fact);
  /// 100 decodes at 15 ms over 100 steps are 66.6 requests a second.
  @Test func decodeEngine() {
    var planner = RolePlanner(engine: engine(), engines: 2)
    let decision = planner.decide(load(rate: 150_000, prompt: 10, output: 101), nowUs: 0)
    #expect((66_500...66_667).contains(decision.dividedPerKiloS), "\(decision)")
  }

  /// Prefill of 500 tokens takes 10 ms, 10 ms are left to wait: 4.605 busy / (2 - 2 busy) = 1, so busy = 0.3028.
  @Test func prefillEngine() {
    var planner = RolePlanner(engine: engine(), engines: 2)
    let decision = planner.decide(load(rate: 99_000, prompt: 500, output: 2, ttftMs: 20), nowUs: 0)
    #expect((30_200...30_300).contains(decision.dividedPerKiloS), "\(decision)")
  }

  /// KV for 50,000 tokens holds 50 requests of 1,000 tokens and 50 on average: 47.6; 31.7 requests a second.
  @Test func memoryLimitsTheDecodeEngine() {
    var planner = RolePlanner(engine: engine(kv: 50_000), engines: 2)
    let decision = planner.decide(load(rate: 60_000, prompt: 1_000, output: 101), nowUs: 0)
    #expect((31_700...31_760).contains(decision.dividedPerKiloS), "\(decision)")
  }

  /// 1,000 tokens of 100,000 bytes over 1 GB/s take 100 ms; 10 further tokens pay 10 ms each for it.
  @Test func aSlowLinkRulesRolesOut() {
    var fast = RolePlanner(engine: engine(bandwidth: 50_000_000_000), engines: 2)
    var slow = RolePlanner(engine: engine(bandwidth: 1_000_000_000), engines: 2)
    let load = load(rate: 66_000, prompt: 1_000, output: 101, short: 11)
    #expect(fast.decide(load, nowUs: 0).dividedPerKiloS > 45_000)
    #expect(slow.decide(load, nowUs: 0).dividedPerKiloS == 0)
    #expect(slow.prefillEngines == 0)
  }

  /// Whole prompts beside decodes against an engine that cuts them. Whole, at 28.2 requests a second and engine: 42.3
  /// decode in 9.2 ms, 57.4 prompts of 10 ms join an answer at the 99th percentile, 923 + 574 of 1,500 ms.
  @Test func pacedEnginesStayMixed() {
    let load = load(rate: 66_000, prompt: 1_000, output: 101)
    var whole = RolePlanner(engine: engine(), engines: 2)
    var paced = RolePlanner(engine: engine(isPaced: true), engines: 2)
    let (a, b) = (whole.decide(load, nowUs: 0), paced.decide(load, nowUs: 0))
    #expect(a.prefillEngines == 1, "\(a)")
    #expect(b.prefillEngines == 0, "\(b)")
    #expect((56_300...56_700).contains(a.mixedPerKiloS), "\(a)")
    #expect(b.mixedPerKiloS > a.mixedPerKiloS)
    #expect(b.dividedPerKiloS == a.dividedPerKiloS)
  }

  @Test func changesForAClearGainAndNotTooSoon() {
    let long = load(rate: 66_000, prompt: 1_000, output: 101)
    let short = load(rate: 100_000, prompt: 10, output: 101)
    var planner = RolePlanner(engine: engine(), engines: 2)
    #expect(planner.decide(long, nowUs: 0).prefillEngines == 1)
    let soon = planner.decide(short, nowUs: RolePlanner.dwellUs - 1)
    #expect(soon.prefillEngines == 1)
    #expect(soon.cause == .dwelling)
    #expect(planner.decide(short, nowUs: RolePlanner.dwellUs).prefillEngines == 0)
    // What both can serve is no reason for a change.
    var idle = RolePlanner(engine: engine(), engines: 2)
    #expect(idle.decide(load(rate: 100, prompt: 1_000, output: 101), nowUs: 0).prefillEngines == 0)
  }

  /// Divided is forecast to serve all 66 a second, mixed 56.5 (see above). Measured, divided serves half of it: back to
  /// mixed, and no second trial, until the load is another.
  @Test func whatIsMeasuredCorrectsTheForecast() {
    let load = load(rate: 66_000, prompt: 1_000, output: 101)
    var planner = RolePlanner(engine: engine(), engines: 2)
    #expect(planner.decide(load, nowUs: 0).prefillEngines == 1)
    let early = planner.decide(load, inTimePerMille: 500, nowUs: 1)
    #expect(early.cause == .dwelling)
    #expect(abs(early.dividedPerKiloS * 2 - 66_000) < 200, "\(early)")
    let back = planner.decide(load, inTimePerMille: 500, nowUs: RolePlanner.dwellUs)
    #expect(back.prefillEngines == 0)
    #expect(back.cause == .better)
    let later = planner.decide(load, inTimePerMille: 850, nowUs: 10 * RolePlanner.dwellUs)
    #expect(later.prefillEngines == 0)
    #expect(later.mixedPerKiloS <= 66_000 * 85 / 100)
    let other = self.load(rate: 66_000, prompt: 700, output: 101)
    #expect(planner.decide(other, nowUs: 20 * RolePlanner.dwellUs).dividedPerKiloS > 50_000)
  }

  /// Prompts of 1,000 tokens take 15 ms: one engine prefills 66.7 a second. At 70 it is busy 1.05 times, so that the wait
  /// passes the limit of 10 s after 9.985 / .05 = 200 s of the 300 that an overload is thought to last. At 100 it is
  /// after 20 s. Two mixed engines have room for both.
  @Test func aQueueThatGrowsCollapses() {
    func divided(_ rate: Int) -> RoleDecision {
      var planner = RolePlanner(engine: engine(), engines: 2)
      return planner.decide(load(rate: rate, prompt: 1_000, output: 21, tpotMs: 30), nowUs: 0)
    }
    #expect(abs(divided(70_000).dividedPerKiloS - 66_600 * 665 / 1_000) < 400, "\(divided(70_000))")
    #expect(abs(divided(100_000).dividedPerKiloS - 66_600 * 66 / 1_000) < 100, "\(divided(100_000))")
    #expect(divided(100_000).prefillEngines == 0)
  }

  /// The same prompts at 66 a second, which one engine can prefill, with answers that two mixed engines cannot give in
  /// time. Divided serves all of them; a count of 80 a second, which would collapse, is no reason to go back.
  @Test func whatWasServedIsNotForeseenToCollapse() {
    var planner = RolePlanner(engine: engine(), engines: 2)
    let load = load(rate: 66_000, prompt: 1_000, output: 101)
    #expect(planner.decide(load, nowUs: 0).prefillEngines == 1)
    let counted = self.load(rate: 80_000, prompt: 1_000, output: 101)
    var fresh = RolePlanner(engine: engine(), engines: 2)
    #expect(fresh.decide(counted, nowUs: 0).dividedPerKiloS < 40_000)
    _ = planner.decide(load, inTimePerMille: 990, nowUs: RolePlanner.dwellUs)
    let decision = planner.decide(counted, nowUs: 2 * RolePlanner.dwellUs)
    #expect(decision.dividedPerKiloS > 65_000, "\(decision)")
    #expect(decision.prefillEngines == 1)
  }

  @Test func oneEngineHasNoRoles() {
    var planner = RolePlanner(engine: engine(), engines: 1)
    let decision = planner.decide(load(rate: 66_000, prompt: 1_000, output: 101), nowUs: 0)
    #expect(decision.prefillEngines == 0)
    #expect(decision.dividedPerKiloS == 0)
  }
}
