import Policy
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// Each step in a situation where the answer is known.
struct TuningTests {
  private func tuner(
    _ source: WorkloadSource, base: String, steps: [TuningStep] = TuningStep.allCases, instances: Int = 1,
    need: PolicyNeed? = nil, change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Tuner {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var options = EngineOptions()
    change(&options)
    var tuner = Tuner(
      cluster: Cluster(profile, count: instances, transferBytesPerS: 50e9), options: options,
      traffic: try TuningTraffic(source, rateScale: 1), base: try #require(PolicyDocument.preset(base)), need: need)
    tuner.steps = steps
    return tuner
  }

  private func run(_ tuner: Tuner) throws -> TuningReport {
    try tuner.run(clock: { 0 }, onProgress: { _ in true })
  }

  private func lengths(
    _ prompt: Int, _ output: Int, requests: Int, ratePerS: Double, ttftMs: Int = 2_000, tpotMs: Int = 50
  ) -> WorkloadSource {
    let mix = ClassMix(entries: [.init(name: "standard", share: 1, ttftSLOMs: ttftMs, tpotSLOMs: tpotMs)])
    return WorkloadSource(
      .lengths(requests: requests, ratePerS: ratePerS, WorkloadLengths(promptTokens: prompt, outputTokens: output)),
      mix: mix, seed: 1)
  }

  private func generated(requests: Int, ratePerS: Double) -> WorkloadSource {
    WorkloadSource(.generated(requests: requests, ratePerS: ratePerS), mix: .standard, seed: 1)
  }

  // MARK: - Steps

  /// Short KV and no room left for requests that grow: who is preempted computes again, and is slow by its mean.
  @Test func shortKVIsPagedWithRoom() throws {
    let report = try run(
      try tuner(
        lengths(400, 400, requests: 150, ratePerS: 6, tpotMs: 10), base: "vllm-v1", steps: [.kvPaging],
        change: { $0.kvCapacityTokens = 16_000 }))
    let step = try #require(report.steps.first)
    #expect(step.before.preemptions >= 20)
    #expect(step.chosen != nil, "\(step.reason ?? "")")
    #expect(step.after.preemptions < step.before.preemptions / 2)
    #expect(step.changes.allSatisfy { $0.pointer.hasPrefix("/memory/") || $0.pointer.hasPrefix("/admission/") })
  }

  /// By order of arrival everybody waits behind the greedy tenant; in turns only the greedy one is late.
  @Test func oneGreedyTenantIsCapped() throws {
    let mix = ClassMix(entries: [.init(name: "standard", share: 1, ttftSLOMs: 2_000, tpotSLOMs: 100)])
    var source = WorkloadSource(.generated(requests: 300, ratePerS: 20), mix: mix, seed: 1)
    source.greedy = ("tenant-1", 8)
    let report = try run(try tuner(source, base: "vllm-v1", steps: [.fairness], change: { $0.sequences = 16 }))
    let step = try #require(report.steps.first)
    #expect(step.chosen != nil, "\(step.reason ?? "")")
    #expect(step.after.tenantMeanRatio >= step.before.tenantMeanRatio + TuningRule.shareMargin)
    #expect(step.before.weightedRatio - step.after.weightedRatio <= TuningRule.fairnessCostMax)
    #expect(step.changes.contains { $0.pointer == "/queue/ordering" && $0.before == "fcfs" })
  }

  /// Large static iterations beside a tight time per token.
  @Test func tightTokensCallForIterationsByTime() throws {
    let report = try run(
      try tuner(lengths(2_000, 100, requests: 200, ratePerS: 11, tpotMs: 25), base: "vllm-v1", steps: [.batchStrategy]))
    let step = try #require(report.steps.first)
    let chosen = try #require(step.chosen)
    #expect(["goodput", "decode_first by slack"].contains(step.trials[chosen].candidate.name))
    #expect(step.after.weightedRatio > step.before.weightedRatio + 0.05)
    #expect(report.outcome?.isWorse == false)
  }

  @Test func rightDraftsAreMadeAndWrongOnesAreNot() throws {
    func speculation(_ acceptance: Double, tpotMs: Int, base: PolicyDocument) throws -> TuningResult {
      var tuner = try tuner(
        lengths(300, 300, requests: 60, ratePerS: 2, tpotMs: tpotMs), base: "vllm-v1", steps: [.speculation]
      ) {
        $0.speculation = SpeculationOptions(mode: .fixed, acceptance: acceptance, draftsMax: 4, draftUs: 300)
      }
      tuner = Tuner(
        cluster: tuner.cluster, options: tuner.options, traffic: tuner.traffic, base: base)
      tuner.steps = [.speculation]
      return try #require(try run(tuner).steps.first)
    }
    let plain = try #require(PolicyDocument.preset("vllm-v1"))
    let right = try speculation(0.9, tpotMs: 6, base: plain)
    #expect(right.chosen != nil, "\(right.reason ?? "")")
    #expect(right.after.weightedRatio > right.before.weightedRatio)
    let eager = try PolicyDocument.decode([
      "version": 1, "name": "eager", "speculation": ["mode": "fixed", "draft_tokens": 4],
    ])
    let wrong = try speculation(0, tpotMs: 10, base: eager)
    let chosen = try #require(wrong.chosen)
    #expect(["no drafts", "goodput"].contains(wrong.trials[chosen].candidate.name))
  }

  /// Long prompts in whole beside tight decodes, as `RoleDivisionTests` has them.
  @Test func longPromptsBesideTightDecodesAreDivided() throws {
    let report = try run(
      try tuner(
        lengths(3_000, 150, requests: 400, ratePerS: 14, tpotMs: 20), base: "vllm-v1", steps: [.disaggregation],
        instances: 2))
    let step = try #require(report.steps.first)
    #expect(step.chosen != nil, "\(step.reason ?? "")")
    #expect(step.after.weightedRatio > step.before.weightedRatio)
    #expect(report.roles != .mixed)
    #expect(report.proposal.config == PolicyDocument.preset("vllm-v1").map { named($0.config, "vllm-v1-tuned") })
  }

  private func named(_ config: PolicyConfig, _ name: String) -> PolicyConfig {
    var config = config
    config.name = name
    return config
  }

  /// Few places: who waits is served by arrival until the order looks at classes.
  @Test func aTightClassGoesFirst() throws {
    let mix = ClassMix(entries: [
      .init(name: "interactive", share: 1, ttftSLOMs: 400, tpotSLOMs: 50, weight: 3),
      .init(name: "batch", share: 1, ttftSLOMs: 60_000, tpotSLOMs: 200),
    ])
    var source = lengths(400, 100, requests: 150, ratePerS: 12)
    source.mix = mix
    let report = try run(try tuner(source, base: "vllm-v1", steps: [.sloClasses]) { $0.sequences = 8 })
    let step = try #require(report.steps.first)
    #expect(step.chosen != nil, "\(step.reason ?? "")")
    #expect(step.changes.contains { $0.pointer == "/queue/ordering" })
    #expect(step.after.weightedRatio > step.before.weightedRatio + 0.05)
  }

  // MARK: - Nothing to do

  @Test func nothingToGainKeepsThePolicyAndSaysSo() throws {
    let report = try run(try tuner(generated(requests: 60, ratePerS: 1), base: "balanced"))
    #expect(report.isComplete)
    #expect(report.steps.map(\.step) == TuningStep.allCases)
    #expect(report.steps.allSatisfy { $0.chosen == nil && $0.reason != nil && $0.before == $0.after })
    #expect(report.outcome == .unchanged)
    #expect(report.proposal.json == ["version": 1, "preset": "balanced", "name": "balanced-tuned"])
    #expect(report.steps.contains { $0.reason?.hasPrefix("kept: ") == true })
  }

  @Test func stepsThatDoNotApplySayWhyAndAreNotSimulated() throws {
    let report = try run(try tuner(lengths(200, 20, requests: 30, ratePerS: 1), base: "balanced"))
    let reasons = Dictionary(uniqueKeysWithValues: report.steps.map { ($0.step, $0.obstacle ?? "") })
    #expect(reasons[.preemption] == "nobody was preempted")
    #expect(reasons[.disaggregation]?.hasPrefix("one instance; forecast for two: ") == true)
    #expect(reasons[.disaggregation]?.hasSuffix("(threshold 5 %)") == true)
    #expect(reasons[.speculation] == "the engine has no drafter")
    #expect(reasons[.kvPaging]?.hasPrefix("KV was never fuller than ") == true)
    #expect(reasons[.fairness] == "all requests are one tenant's")
    for step in report.steps where step.obstacle != nil { #expect(step.trials.isEmpty, "\(step.step)") }
  }

  @Test func anOrderBetweenTenantsIsNotUndoneForClasses() throws {
    let report = try run(
      try tuner(generated(requests: 30, ratePerS: 2), base: "vtc", steps: [.sloClasses]))
    #expect(report.steps.first?.obstacle?.contains("between tenants (vtc)") == true)
  }

  @Test func aLimitThatNoEngineMeetsIsSaid() throws {
    let report = try run(
      try tuner(lengths(2_000, 50, requests: 30, ratePerS: 1, ttftMs: 5), base: "balanced", steps: []))
    #expect(report.classes.first?.isReachable == false)
    #expect(report.warnings.contains { $0.hasPrefix("class standard: alone on an idle engine 0.0 % is within SLO") })
    let good = try run(try tuner(lengths(2_000, 50, requests: 30, ratePerS: 1), base: "balanced", steps: []))
    #expect(good.classes.first?.isReachable == true)
    #expect(good.warnings.isEmpty)
  }

  @Test func classesThatNobodyListsAreTaken() throws {
    var source = lengths(4_000, 20, requests: 150, ratePerS: 11)
    source.mix = ClassMix(entries: [
      .init(name: "slow", share: 1, ttftSLOMs: 60_000, tpotSLOMs: 200),
      .init(name: "fast", share: 1, ttftSLOMs: 400, tpotSLOMs: 50, weight: 3),
    ])
    let report = try run(try tuner(source, base: "balanced", steps: [.sloClasses]))
    let trial = try #require(report.steps.first?.trials.first)
    #expect(trial.candidate.name == "the traffic's classes")
    let classes = try #require(trial.candidate.change["classes"]?.arrayValue)
    #expect(classes.map { $0["name"]?.stringValue } == ["fast", "slow"])
    #expect(classes.map { $0["rank"]?.integerValue } == [0, 1])
    #expect(classes[0]["ttft_slo_ms"] == 400)
  }

  // MARK: - The whole walk

  @Test func theSameTwice() throws {
    var source = generated(requests: 80, ratePerS: 24)
    source.greedy = ("tenant-1", 8)
    let tuner = try tuner(source, base: "balanced")
    let first = try run(tuner)
    #expect(try run(tuner).json == first.json)
    #expect(first.steps.contains { $0.chosen != nil })
    // What is proposed is what was simulated last, and a valid file.
    let again = try PolicyDocument.decode(first.proposal.json)
    #expect(again.config == first.proposal.config)
    #expect(first.json["proposal"]?["preset"] == "balanced")
    for pair in zip(first.steps, first.steps.dropFirst()) { #expect(pair.0.after == pair.1.before) }
    #expect(first.tuned?.after == first.steps.last?.after)
  }

  @Test func anInterruptedWalkKeepsWhatIsKnown() throws {
    let tuner = try tuner(generated(requests: 40, ratePerS: 20), base: "balanced")
    var ticks = 0
    var runs: Set<String> = []
    let report = try tuner.run(
      clock: {
        ticks += 1_000_000
        return ticks
      },
      onProgress: {
        runs.insert($0.note)
        return runs.count < 8
      })
    #expect(!report.isComplete)
    #expect(report.tuned != nil)
    #expect(report.steps.count < TuningStep.allCases.count)
    let last = try #require(report.steps.last)
    #expect(last.isInterrupted && last.chosen == nil && last.before == last.after)
    #expect(last.reason == "interrupted: nothing chosen")
    #expect(report.steps.dropLast().allSatisfy { !$0.isInterrupted })
    #expect(report.heldBack == nil && report.outcome == nil)
    #expect(report.json["complete"] == false)
  }

  /// Tuned for what the policy is for.
  @Test func theNeedDecidesWhatIsBetter() throws {
    #expect(TuningObjective(nil) == .weighted)
    #expect(PolicyNeed.allCases.map { TuningObjective($0) } == [.tightest, .tokens, .goodTokens, .tenants, .weighted])
    let report = try run(
      try tuner(generated(requests: 30, ratePerS: 2), base: "balanced", steps: [], need: .throughput))
    #expect(report.objective == .tokens)
    #expect(report.proposal.json["need"] == "throughput")
  }
}
