import Testing

@testable import SchedulerCore

/// What the core learns from an engine.
struct EstimationTests {
  private func prefill(_ tokens: Int) -> IterationFeatures {
    var features = IterationFeatures()
    features.addPrefill(tokens: tokens, prefix: 0)
    return features
  }

  private func decodes(_ count: Int) -> IterationFeatures {
    var features = IterationFeatures()
    for _ in 0..<count { features.addDecode(context: 100) }
    return features
  }

  /// An engine that takes 30 % longer with prefill and 20 % less without: both are found, apart.
  @Test func biasIsFoundAndModesAreCorrectedApart() {
    var time = TimeEstimator(.plain)
    #expect(time.elapsedUs(prefill(100)) == 105_000, "pessimistic at start")
    for _ in 0..<200 {
      time.observe(IterationObservation(features: prefill(100), elapsedUs: 130_000))
      time.observe(IterationObservation(features: decodes(10), elapsedUs: 8_000))
    }
    #expect(abs(time.elapsedUs(prefill(50)) - 65_000) < 500)
    #expect(abs(time.elapsedUs(decodes(20)) - 16_000) < 200)
  }

  /// A hiccup of a second moves a prediction of 100 ms by no more than a fortieth once things are steady.
  @Test func oneHiccupMovesLittle() {
    var time = TimeEstimator(.plain)
    for _ in 0..<100 { time.observe(IterationObservation(features: prefill(100), elapsedUs: 100_000)) }
    let before = time.elapsedUs(prefill(100))
    time.observe(IterationObservation(features: prefill(100), elapsedUs: 1_000_000))
    #expect(time.elapsedUs(prefill(100)) > before)
    #expect(time.elapsedUs(prefill(100)) - before <= before / 39)
  }

  /// Exact predictions leave 2 % of an iteration unused. Times that swing by 10 % both ways: a mean error of about 10 %
  /// and a margin of 12 %, the most there is; by 2 %: about 5 %.
  @Test func theMarginGrowsWithTheError() {
    func margin(swing: Double) -> Double {
      var time = TimeEstimator(.plain)
      for index in 0..<400 {
        let elapsedUs = 100_000 * (1 + (index % 2 == 0 ? swing : -swing))
        time.observe(IterationObservation(features: prefill(100), elapsedUs: Int64(elapsedUs)))
      }
      return time.marginShare(withPrefill: true)
    }
    #expect(margin(swing: 0) == 0.02)
    #expect(abs(margin(swing: 0.02) - 0.05) < 0.005)
    #expect(margin(swing: 0.1) == 0.12)
  }

  /// An engine 50 times slower than guessed is known after 50 iterations.
  @Test func aGuessFarOffIsCorrected() {
    var time = TimeEstimator(.plain)
    for _ in 0..<50 { time.observe(IterationObservation(features: prefill(10), elapsedUs: 500_000)) }
    #expect(abs(time.elapsedUs(prefill(10)) - 500_000) < 50_000)
  }

  /// Half of the answers have 100 tokens, half 300: at the start 200 are to come, after 160 tokens 140.
  @Test func residualOutputIsTheMeanOfLongerAnswers() {
    let prior = ResidualOutput(priorTokens: 200)
    var residual = ResidualOutput(priorTokens: 200)
    #expect(residual.expected(after: 0) == 200)
    for _ in 0..<1_000 {
      residual.observe(outputTokens: 100, prior: prior)
      residual.observe(outputTokens: 300, prior: prior)
    }
    #expect(abs(residual.expected(after: 0) - 200) < 2)
    #expect(abs(residual.expected(after: 160) - 140) < 3)
    // Nobody got that far: what is known beforehand.
    #expect(residual.expected(after: 5_000) == 200)
  }

  /// Short prompts are answered with 400 tokens, long ones with 40.
  @Test func promptsOfDifferentSizeAreToldApart() {
    var outputs = OutputEstimator()
    func request(_ prompt: Int, maxOutput: Int = 10_000) -> Request {
      Request(
        handle: 1, tenant: 0, className: 0, adapter: -1, promptTokens: prompt, maxOutputTokens: maxOutput,
        arrivalUs: 0, cachedTokens: 0, ttftSLOMs: 0, tpotSLOMs: 0)
    }
    for _ in 0..<500 {
      outputs.observe(promptTokens: 200, outputTokens: 400)
      outputs.observe(promptTokens: 5_000, outputTokens: 40)
    }
    #expect(abs(outputs.expectedTokens(request(220)) - 400) < 10)
    #expect(abs(outputs.expectedTokens(request(4_500)) - 40) < 10)
    // A size never seen: the mean of all; and never more than may come.
    #expect(abs(outputs.expectedTokens(request(100_000)) - 220) < 10)
    #expect(outputs.expectedTokens(request(220, maxOutput: 7)) == 7)
  }
}
