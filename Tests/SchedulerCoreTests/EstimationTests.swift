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

  /// A guess that is wrong in more than its scale: a CPU, where every token costs as much as the tenth part of an empty
  /// iteration, guessed to be a GPU. After 200 iterations of all sizes each is predicted to 5 %, those with prefill and
  /// those without, and what a prompt and a decode cost is known as well.
  @Test func anotherKindOfMachineIsLearned() {
    var time = TimeEstimator(.guess(FaithfulEngine.description()))
    func us(_ features: IterationFeatures) -> Int64 {
      Int64(
        10_000 + 350 * features.prefillTokens + 1_000 * features.decodes + features.decodeContextTokens / 5
          + features.doubledPrefillPairs / 1_000)
    }
    func mixed(_ index: Int) -> IterationFeatures {
      var features = decodes(index % 7)
      if index % 3 > 0 { features.addPrefill(tokens: 1 + index * 37 % 500, prefix: index % 5 * 100) }
      return features
    }
    for index in 1...200 {
      let features = mixed(index)
      time.observe(IterationObservation(features: features, elapsedUs: us(features)))
    }
    for index in 201...300 where !mixed(index).isEmpty {
      let predicted = Double(time.elapsedUs(mixed(index)))
      #expect(abs(predicted / Double(us(mixed(index))) - 1) < 0.05, "iteration \(index)")
    }
    #expect(abs(time.fixedUs / 10_000 - 1) < 0.1)
    #expect(abs(time.prefillUs(tokens: 100, prefix: 0) / 35_000 - 1) < 0.1)
    // 350 as a token, 1,000 as a decode, 20 for its context: told apart from what prompts cost by a few tokens only.
    #expect(abs(time.decodeUs(context: 100) / 1_370 - 1) < 0.3)
  }

  /// A GPU reads its weights once, whatever the iteration computes: flat to 200 tokens, then a slope. The learned line
  /// bends, and follows to 10 % at every size.
  @Test func aKneeIsLearned() {
    var learned = LearnedTimeModel(IterationTimeModel.plain.withPrefill, overheadUs: 0)
    func us(_ tokens: Int) -> Int64 { Int64(8_000 + 30 * max(0, tokens - 200)) }
    for index in 0..<1_000 {
      let tokens = 16 + index * 613 % 2_000
      learned.observe(prefill(tokens), elapsedUs: us(tokens))
    }
    for tokens in stride(from: 32, through: 2_000, by: 64) {
      #expect(abs(learned.elapsedUs(prefill(tokens)) / Double(us(tokens)) - 1) < 0.1, "\(tokens) tokens")
    }
  }

  /// A model that is right is kept, whatever the learned one says, and nothing is learned beside it.
  @Test func aModelThatIsRightStays() {
    var estimate = IterationEstimate(IterationTimeModel.plain.withPrefill, overheadUs: 0)
    for index in 1...200 {
      let features = prefill(index)
      estimate.observe(
        IterationObservation(features: features, elapsedUs: Int64(index) * 1_000), modelUs: Double(index) * 1_000)
      #expect(!estimate.usesLearned)
    }
  }

  /// Times that make no sense leave a model that makes some: no coefficient below nothing, none without bounds.
  @Test func nonsenseIsSurvived() {
    var learned = LearnedTimeModel(IterationTimeModel.plain.withPrefill, overheadUs: 0)
    for index in 0..<2_000 {
      var features = prefill(1 + index % 50 * (index % 3 == 0 ? 1_000_000 : 1))
      features.addDecode(context: index)
      learned.observe(features, elapsedUs: index % 2 == 0 ? 1 : 3_600_000_000)
    }
    for index in 0..<8 { #expect(learned.coefficients[index] >= 0 && learned.coefficients[index].isFinite) }
    #expect(learned.elapsedUs(prefill(1_000)).isFinite)
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
