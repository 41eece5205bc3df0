import Policy
import Testing
import WireProtocol

@testable import Simulator

/// What is better, what pays, what a proposal is made of, and how traffic is divided.
struct TuningRuleTests {
  /// Figures of so many requests in and out of SLO per class, and a makespan.
  private func figures(_ classes: [(inSLO: Int, late: Int)], seconds: Int64 = 100) -> TuningFigures {
    let mix = ClassMix(
      entries: classes.indices.map { .init(name: "c\($0)", share: 1, ttftSLOMs: 100, tpotSLOMs: 10) })
    var card = Scorecard(policy: "p", profile: "x", mix: mix)
    for (index, counts) in classes.enumerated() {
      for number in 0..<(counts.inSLO + counts.late) {
        card.add(
          RequestOutcome(
            classIndex: index, tenant: "t", promptTokens: 90, outputTokens: 10,
            ttftUs: number < counts.inSLO ? 50_000 : 500_000, tpotUs: 5_000, maxGapUs: 5_000, isShed: false))
      }
    }
    card.countedUs = seconds * 1_000_000
    return TuningFigures(card)
  }

  private func verdict(
    _ candidate: TuningFigures, _ current: TuningFigures, _ step: TuningStep = .batchStrategy
  ) -> TuningVerdict {
    TuningRule.judge(candidate, over: current, for: step, objective: step.objective(.weighted))
  }

  @Test func aGainHasToBeTheMargin() {
    let current = figures([(inSLO: 800, late: 200)])
    #expect(verdict(figures([(inSLO: 805, late: 195)]), current) == .better)
    #expect(verdict(figures([(inSLO: 804, late: 196)]), current) == .notBetter)
    #expect(verdict(current, current) == .notBetter)
    #expect(verdict(figures([(inSLO: 799, late: 201)], seconds: 50), current) == .notBetter)
  }

  @Test func throughputDecidesBetweenEquals() {
    let current = figures([(inSLO: 800, late: 200)])
    #expect(verdict(figures([(inSLO: 800, late: 200)], seconds: 98), current) == .better)
    #expect(verdict(figures([(inSLO: 800, late: 200)], seconds: 99), current) == .notBetter)
  }

  @Test func noClassPays() {
    let current = figures([(inSLO: 500, late: 500), (inSLO: 100, late: 0)])
    #expect(verdict(figures([(inSLO: 700, late: 300), (inSLO: 98, late: 2)]), current) == .better)
    guard case .costsClass("c1", let loss) = verdict(figures([(inSLO: 700, late: 300), (inSLO: 97, late: 3)]), current)
    else {
      Issue.record("a class lost 3 of 100")
      return
    }
    #expect(abs(loss - 0.03) < 1e-9)
    // One request of a small class is not a class.
    let small = figures([(inSLO: 500, late: 500), (inSLO: 5, late: 0)])
    #expect(verdict(figures([(inSLO: 700, late: 300), (inSLO: 4, late: 1)]), small) == .better)
  }

  @Test func heldBackTrafficDecides() {
    func outcome(_ after: TuningFigures, _ before: TuningFigures) -> TuningOutcome {
      TuningRule.judgeHeldBack(after, over: before, objective: .weighted, hasCaps: false)
    }
    let before = figures([(inSLO: 800, late: 200)])
    #expect(outcome(figures([(inSLO: 805, late: 195)]), before) == .better)
    #expect(outcome(figures([(inSLO: 796, late: 204)]), before) == .same)
    #expect(outcome(figures([(inSLO: 795, late: 205)]), before) == .worse)
    let two = figures([(inSLO: 500, late: 500), (inSLO: 100, late: 0)])
    let pays = outcome(figures([(inSLO: 900, late: 100), (inSLO: 90, late: 10)]), two)
    #expect(pays.isWorse && pays.word == "costs_a_class", "\(pays.text)")
  }

  /// Two that are both good are told apart where it is harder.
  @Test func equalsAreToldApartAtTheHigherRate() {
    let before = figures([(inSLO: 800, late: 200)])
    var result = TuningResult(.batchStrategy, obstacle: nil, objective: .weighted, before: before)
    func trial(_ name: String, _ good: Int, faster: Int? = nil) -> TuningTrial {
      let after = figures([(inSLO: good, late: 1_000 - good)])
      return TuningTrial(
        candidate: TuningCandidate(name, [:]), figures: after, verdict: verdict(after, before),
        stressed: faster.map { figures([(inSLO: $0, late: 1_000 - $0)]) })
    }
    result.trials = [trial("a", 801), trial("b", 1_000, faster: 700), trial("c", 998, faster: 900), trial("d", 990)]
    #expect(result.equals == [1, 2])
    #expect(result.best == 2)
    result.trials = [trial("a", 801)]
    #expect(result.equals.isEmpty && result.best == nil)
  }

  // MARK: - The draft

  @Test func whatCameBackIsNotInTheProposal() throws {
    let base = try #require(PolicyDocument.preset("balanced"))
    var draft = try PolicyDraft(base, need: nil)
    #expect(draft.start.json == ["version": 1, "preset": "balanced", "name": "balanced-tuned"])
    #expect(draft.with(["batch": ["step_tokens": 2_048]]) == nil, "it says nothing new")
    #expect(draft.with(["queue": ["ordering": "vtc", "allocation": "strict"]]) == nil, "it is not valid")
    for change: JSONObject in [
      ["batch": ["step_tokens": 512]], ["memory": ["watermark_ratio": 0.05]], ["batch": ["step_tokens": 2_048]],
    ] {
      draft.take(try #require(draft.with(change)))
    }
    let proposal = try draft.proposal()
    #expect(
      proposal.json == [
        "version": 1, "preset": "balanced", "name": "balanced-tuned", "memory": ["watermark_ratio": 0.05],
      ])
    #expect(proposal.config == draft.document.config)
  }

  @Test func aFileKeepsItsOwnMembers() throws {
    let name = String(repeating: "n", count: PolicyLimits.nameLength)
    let base = try PolicyDocument.decode([
      "version": 1, "preset": "cost", "name": .string(name), "description": "mine", "batch": ["step_tokens": 700],
    ])
    var draft = try PolicyDraft(base, need: .latency)
    draft.take(try #require(draft.with(["batch": ["step_tokens": 512]])))
    draft.take(try #require(draft.with(["batch": ["step_tokens": 700]])))
    let proposal = try draft.proposal()
    #expect(proposal.json["batch"] == ["step_tokens": 700])
    #expect(proposal.json["description"] == "mine")
    #expect(proposal.need == .latency)
    #expect(proposal.config.name.count == PolicyLimits.nameLength)
    #expect(proposal.config.name.hasSuffix("n-tuned"))
  }

  // MARK: - Traffic

  @Test func drawnTrafficIsDrawnTwiceAndAListIsDivided() throws {
    let drawn = try TuningTraffic(
      WorkloadSource(.generated(requests: 40, ratePerS: 10), mix: .standard, seed: 1), rateScale: 1)
    #expect(drawn.kind == .secondSeed)
    #expect(drawn.tuned.count == 40 && drawn.heldBack.count == 40)
    #expect(drawn.tuned != drawn.heldBack)
    #expect(drawn.isEnough && !drawn.isCut && drawn.tenants > 1)
    let list = WorkloadSource(.list(name: "l", drawn.tuned), mix: .standard, seed: 1)
    let halves = try TuningTraffic(list, rateScale: 2)
    #expect(halves.kind == .secondHalf)
    #expect(halves.tuned.map(\.id) == drawn.tuned.prefix(20).map(\.id))
    #expect(halves.heldBack.map(\.id) == drawn.tuned.suffix(20).map(\.id))
    #expect(halves.heldBack.first?.arrivalUs == 0)
    #expect(halves.tuned[19].arrivalUs == drawn.tuned[19].arrivalUs / 2)
  }

  @Test func longTrafficIsCutAndSaysSo() throws {
    let many = TuningTraffic.partRequestsMax + 1
    let source = WorkloadSource(.generated(requests: many, ratePerS: 10), mix: .standard, seed: 1)
    let traffic = try TuningTraffic(source, rateScale: 1)
    #expect(traffic.isCut)
    #expect(traffic.tuned.count == TuningTraffic.partRequestsMax)
    let short = try TuningTraffic(
      WorkloadSource(.generated(requests: 5, ratePerS: 10), mix: .standard, seed: 1), rateScale: 1)
    #expect(!short.isEnough)
  }
}
