import Policy
import SchedulerCore
import Testing
import WireProtocol

@testable import Simulator

/// Trees of drafts on the reference engine: their truth, the engine that verifies them, the oracle that knows.
struct TreeDraftTests {
  private static func options(
    _ mode: SpeculationOptions.Mode,
    tree: SpeculationOptions.Tree? = .init(widthMax: 4, nodesMax: 16, furtherShare: 0.5)
  ) -> SpeculationOptions {
    SpeculationOptions(mode: mode, acceptance: 0.6, draftsMax: 6, draftUs: 500, tree: tree)
  }

  // MARK: - The truth

  /// .6, .4 * .3, .28 * .15: the first, second, third candidate is the right one.
  @Test func furtherCandidatesAreRightAsOftenAsTheTruthSays() {
    let truth = HiddenAcceptance(options: Self.options(.fixed), seed: 3)
    let hits = truth.hits(request: 9, output: 0)
    #expect(hits.count == 6)
    for (found, expected) in zip(hits[0], [0.6, 0.72, 0.762, 0.77985]) { #expect(abs(found - expected) < 1e-9) }
    let draws = 20_000
    for width in 1...4 {
      let shape = DraftShape(widths: [width])
      let right = (0..<draws).reduce(0) { $0 + truth.accepted(drafts: width, shape: shape, request: 9, output: $1) }
      #expect(abs(Double(right) / Double(draws) - hits[0][width - 1]) < 0.01, "\(width)")
    }
  }

  /// A scheduler that plans chains meets the luck that it meets without trees; a wider tree is never worse.
  @Test(arguments: SpeculationOptions.Mode.allCases)
  func luckIsTheSameForAll(mode: SpeculationOptions.Mode) {
    let trees = HiddenAcceptance(options: Self.options(mode), seed: 3)
    let chains = HiddenAcceptance(options: Self.options(mode, tree: nil), seed: 3)
    var gained = 0
    for output in 0..<2_000 {
      let accepted = chains.accepted(drafts: 4, request: 5, output: output)
      #expect(trees.accepted(drafts: 4, request: 5, output: output) == accepted)
      let wider = trees.accepted(drafts: 7, shape: DraftShape(widths: [3, 2, 1, 1]), request: 5, output: output)
      #expect(wider >= accepted)
      gained += wider - accepted
    }
    #expect(gained > 0)
  }

  // MARK: - The engine

  private func run(
    _ speculation: SpeculationOptions, policy name: String = "vllm-v1", inFlight: Int = 1, perBatch: Bool = false
  ) throws -> (card: Scorecard, log: PlanLog) {
    var options = EngineOptions()
    options.speculation = speculation
    options.inFlightMax = inFlight
    options.draftsPerBatch = perBatch
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var policy = try #require(PolicyDocument.preset(name)).config
    policy.speculation.mode = .goodput
    let log = PlanLog()
    let source = WorkloadSource(.generated(requests: 40, ratePerS: 2), mix: .standard, seed: 1)
    var engine = ReferenceEngine(
      profile: profile, options: options, mix: .standard, workload: try source.open(rateScale: 1),
      link: LoggedLink(link: CoreLink(policy: policy), log: log))
    return (try engine.run(clock: { 0 }, onProgress: { _ in true }), log)
  }

  @Test(arguments: ["vllm-v1", "exerciser"], [1, 2])
  func treesReallyHappen(policy: String, inFlight: Int) throws {
    let (card, log) = try run(Self.options(.mixed), policy: policy, inFlight: inFlight)
    #expect(card.requests == 40)
    #expect(log.entries.reduce(0) { $0 + $1.trees } > 100)
    #expect(card.acceptedTokens > 0 && card.acceptedTokens < card.draftedTokens)
  }

  @Test func aBatchOfTreesHappensToo() throws {
    let (card, log) = try run(Self.options(.mixed), perBatch: true)
    #expect(card.requests == 40)
    #expect(log.entries.reduce(0) { $0 + $1.trees } > 100)
  }

  @Test func nobodyGetsATreeUndeclared() throws {
    let (card, log) = try run(Self.options(.mixed, tree: nil))
    #expect(card.draftedTokens > 0)
    #expect(log.entries.allSatisfy { $0.trees == 0 })
  }

  /// A light load: few requests share an iteration.
  @Test func treesMakeTokensComeFaster() throws {
    let trees = try run(Self.options(.fixed)).card.all.tpotUs.mean
    let chains = try run(Self.options(.fixed, tree: nil)).card.all.tpotUs.mean
    #expect(trees < 0.95 * chains, "\(trees) \(chains)")
  }

  @Test func anEngineRefusesTreesThatItCannotVerify() throws {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    func rule(_ tree: SpeculationOptions.Tree?, _ widths: [Int]) -> String? {
      var options = EngineOptions()
      options.speculation = Self.options(.fixed, tree: tree)
      var check = PlanCheck(options.description(profile))
      let drafts = widths.reduce(0, +)
      let item = StepPlan.Item(h: 1, n: 1 + drafts, k: drafts, shape: DraftShape(widths: widths))
      do throws(EngineRunError) {
        try check.verify(StepReply(), work: [item], running: 1, seq: 1) { _ in
          .init(isLive: true, isRunning: true, known: 10, computed: 9, isInFlight: false)
        }
        return nil
      } catch {
        guard case .invalidPlan(_, let rule, _) = error else { return "\(error)" }
        return rule
      }
    }
    let tree = SpeculationOptions.Tree(widthMax: 4, nodesMax: 16, furtherShare: 0.5)
    #expect(rule(tree, [4, 2, 1]) == nil)
    let broken = "trees are such as the drafter declares"
    #expect(rule(nil, [2, 1]) == broken)
    #expect(rule(tree, [5]) == broken)
    #expect(rule(tree, [4, 4, 4, 4, 1]) == broken)
    #expect(rule(tree, [2, 1, 1, 1, 1, 1, 1]) == broken)
  }

  // MARK: - The oracle

  /// Against all trees of up to six drafts on three levels of two requests.
  @Test(arguments: OracleDrafts.Rule.allCases, [1, 2, 3] as [UInt64])
  func theOracleFindsTheBestTrees(rule: OracleDrafts.Rule, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let shapes = Self.shapes(levels: 3, width: 3, drafts: 6)
    for _ in 0..<40 {
      let candidates = (0..<2).map { _ in
        let chance = 0.2 + 0.7 * random.unit()
        let share = random.unit()
        let hits = (0..<3).reduce(into: [Double]()) { hits, rank in
          let right = (0..<rank).reduce(chance) { chance, _ in chance * share }
          hits.append(1 - (1 - (hits.last ?? 0)) * (1 - right))
        }
        return OracleTrees.Candidate(hits: Array(repeating: hits, count: 3))
      }
      let tokenUs = 20 + Int(600 * random.unit())
      func elapsedUs(_ drafts: Int) -> Int { 5_000 + tokenUs * drafts }
      func tokens(_ candidate: OracleTrees.Candidate, _ widths: [Int]) -> Double {
        var reach = 1.0
        return widths.enumerated().reduce(1.0) { sum, level in
          reach *= candidate.hits[level.offset][level.element - 1]
          return sum + reach
        }
      }
      func value(_ widths: [[Int]]) -> Double {
        let us = Double(elapsedUs(widths.joined().reduce(0, +)) + 300 * (widths.map(\.count).max() ?? 0))
        let made = zip(candidates, widths).map { tokens($0, $1) }
        return rule == .tokens ? made.reduce(0, +) / us : (made[0] * made[1]).squareRoot() / us
      }
      let best = shapes.flatMap { first in shapes.map { value([first, $0]) } }.max() ?? 0
      let oracle = OracleTrees(rule: rule, draftStepUs: 300, widthMost: 3, nodesMost: 6)
      let found = oracle.best(candidates, elapsedUs: elapsedUs).map { tree in
        (0..<tree.shape.depth(drafts: tree.drafts)).map { tree.shape.width($0 + 1) }
      }
      #expect(value(found) > 0.985 * best, "seed \(seed): \(found)")
      #expect(value(found) <= best * (1 + 1e-12), "seed \(seed)")
    }
  }

  /// Widths that never grow downwards, the empty tree among them.
  private static func shapes(levels: Int, width: Int, drafts: Int) -> [[Int]] {
    var found: [[Int]] = [[]]
    guard levels > 0 else { return found }
    for first in stride(from: 1, through: min(width, drafts), by: 1) {
      for rest in shapes(levels: levels - 1, width: first, drafts: drafts - first) { found.append([first] + rest) }
    }
    return found
  }

  @Test func theStudyComparesWithChains() throws {
    let profile = try #require(try GPUProfile.bundled(GPUProfile.defaultName))
    var policy = try #require(PolicyDocument.preset("vllm-v1")).config
    policy.speculation.mode = .goodput
    let study = SpeculationStudy(
      profile: profile, policy: policy,
      speculation: Self.options(.mixed), modes: [.mixed], batches: [2], seeds: 1, spanUs: 2_000_000)
    let row = try study.row(mode: .mixed, batch: 2)
    #expect(row.oracle >= row.chainOracle)
    #expect(row.ofChains > 1 && row.ofPlain > 1)
    #expect(study.json([row])["rows"]?[0]?["of_chains"]?.doubleValue == row.ofChains)
    #expect(study.text([row]).contains("of chains"))
  }
}
