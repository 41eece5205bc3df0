import Policy
import SchedulerCore
import WireProtocol

/// The controller of drafts against everything it is measured by, over batch sizes and kinds of acceptance, at constant
/// batch. Every figure is a mean over seeds.
public struct SpeculationStudy: Sendable {
  /// One batch size under one kind of acceptance, in output tokens per second of virtual time.
  public struct Row: Hashable, Sendable {
    public var mode: SpeculationOptions.Mode
    public var batch: Int
    public var policy: Double
    /// The best of both oracles, with chains only if they are better that way.
    public var oracle: Double
    /// The same policy for the same engine with chains only, and the better oracle for it; 0 where there are no trees.
    public var chains: Double
    public var chainOracle: Double
    /// Drafts of the same length for all, from 0 on.
    public var fixed: [Double]
    /// The least over the seeds of policy over oracle, and over no drafts.
    public var leastOfOracle: Double
    public var leastOfPlain: Double
    public var leastOfChains: Double

    public var ofOracle: Double { policy / oracle }
    public var ofPlain: Double { policy / fixed[0] }
    public var ofChains: Double { policy / chains }
    public var bestFixed: Int { fixed.indices.max { (fixed[$0], $1) < (fixed[$1], $0) } ?? 0 }
    public var ofBestFixed: Double { policy / fixed[bestFixed] }
  }

  public static let batchesDefault = [1, 32, 128, 256]
  public static let seedsDefault = 3
  /// Longest draft of the contenders with one length.
  public static let fixedMost = 8

  public var profile: GPUProfile
  public var policy: PolicyConfig
  public var speculation: SpeculationOptions
  public var modes: [SpeculationOptions.Mode]
  public var batches: [Int]
  public var seeds: Int
  public var firstSeed: UInt64
  public var spanUs: Int64
  /// The engine takes the same drafts for all.
  public var draftsPerBatch: Bool

  public init(
    profile: GPUProfile, policy: PolicyConfig, speculation: SpeculationOptions, modes: [SpeculationOptions.Mode],
    batches: [Int] = Self.batchesDefault, seeds: Int = Self.seedsDefault, firstSeed: UInt64 = 1, spanUs: Int64,
    draftsPerBatch: Bool = false
  ) {
    self.profile = profile
    self.policy = policy
    self.speculation = speculation
    self.modes = modes
    self.batches = batches
    self.seeds = seeds
    self.firstSeed = firstSeed
    self.spanUs = spanUs
    self.draftsPerBatch = draftsPerBatch
  }

  public var cells: [(mode: SpeculationOptions.Mode, batch: Int)] {
    modes.flatMap { mode in batches.map { (mode, $0) } }
  }

  public func row(mode: SpeculationOptions.Mode, batch: Int) throws(EngineRunError) -> Row {
    var row = Row(
      mode: mode, batch: batch, policy: 0, oracle: 0, chains: 0, chainOracle: 0,
      fixed: Array(repeating: 0, count: min(Self.fixedMost, speculation.draftsMax) + 1), leastOfOracle: .infinity,
      leastOfPlain: .infinity, leastOfChains: .infinity)
    for seed in 0..<seeds {
      var speculation = speculation
      speculation.mode = mode
      var trial = SpeculationTrial(
        profile: profile, speculation: speculation, batch: batch, spanUs: spanUs,
        seed: firstSeed &+ UInt64(seed))
      trial.draftsPerBatch = draftsPerBatch
      try add(trial, to: &row)
    }
    return row
  }

  /// One seed's figures.
  private func add(_ trial: SpeculationTrial, to row: inout Row) throws(EngineRunError) {
    let share = 1 / Double(seeds)
    let own = try trial.tokensPerS(.policy(policy))
    var oracle = try self.oracle(trial)
    if trial.speculation.tree != nil {
      var chainTrial = trial
      chainTrial.speculation.tree = nil
      let chains = try chainTrial.tokensPerS(.policy(policy))
      let chainOracle = try self.oracle(chainTrial)
      row.chains += chains * share
      row.chainOracle += chainOracle * share
      row.leastOfChains = min(row.leastOfChains, own / chains)
      oracle = max(oracle, chainOracle)
    }
    row.policy += own * share
    row.oracle += oracle * share
    for drafts in row.fixed.indices {
      let fixed = try trial.tokensPerS(.policy(fixedPolicy(drafts)))
      row.fixed[drafts] += fixed * share
      if drafts == 0 { row.leastOfPlain = min(row.leastOfPlain, own / fixed) }
    }
    row.leastOfOracle = min(row.leastOfOracle, own / oracle)
  }

  private func oracle(_ trial: SpeculationTrial) throws(EngineRunError) -> Double {
    max(try trial.tokensPerS(.tokensOracle), try trial.tokensPerS(.progressOracle))
  }

  private func fixedPolicy(_ drafts: Int) -> PolicyConfig {
    var policy = policy
    policy.name = "fixed-\(drafts)"
    policy.speculation.mode = .fixed
    policy.draftTokens = drafts
    return policy
  }

  // MARK: - Rendering

  public func json(_ rows: [Row]) -> JSONValue {
    [
      "profile": .string(profile.name), "policy": .string(policy.name), "acceptance": .number(speculation.acceptance),
      "drafts": JSONValue(speculation.draftsMax), "draft_us": JSONValue(speculation.draftUs),
      "tree": speculation.tree.map {
        [
          "width": JSONValue($0.widthMax), "drafts": JSONValue($0.nodesMax), "further_share": .number($0.furtherShare),
        ]
      } ?? .null,
      "seeds": JSONValue(seeds), "virtual_s": .number(Double(spanUs) / 1_000_000),
      "rows": .array(
        rows.map { row in
          [
            "chains_tokens_per_s": row.chains > 0 ? .number(row.chains) : .null,
            "chains_oracle_tokens_per_s": row.chains > 0 ? .number(row.chainOracle) : .null,
            "of_chains": row.chains > 0 ? .number(row.ofChains) : .null,
            "of_chains_worst_seed": row.chains > 0 ? .number(row.leastOfChains) : .null,
            "acceptance_mode": .string(row.mode.rawValue), "batch": JSONValue(row.batch),
            "policy_tokens_per_s": .number(row.policy), "oracle_tokens_per_s": .number(row.oracle),
            "fixed_tokens_per_s": .array(row.fixed.map { .number($0) }), "of_oracle": .number(row.ofOracle),
            "of_oracle_worst_seed": .number(row.leastOfOracle), "of_no_drafts": .number(row.ofPlain),
            "of_no_drafts_worst_seed": .number(row.leastOfPlain), "best_fixed": JSONValue(row.bestFixed),
            "of_best_fixed": .number(row.ofBestFixed),
          ]
        }),
    ]
  }

  public func text(_ rows: [Row]) -> String {
    let widths = [14, 7, 10, 12, 13, 13, 12]
    func line(_ cells: [String]) -> String {
      TableText.left(cells[0], widths[0]) + zip(cells, widths).dropFirst().map { TableText.right($0, $1) }.joined()
    }
    let head =
      line(["acceptance", "batch", "tokens/s", "of oracle", "worst seed", "of no drafts", "best fixed"])
      + TableText.right("of it", 8) + (speculation.tree == nil ? "" : TableText.right("of chains", 11))
    return
      ([head]
      + rows.map { row in
        line([
          row.mode.rawValue, "\(row.batch)", TableText.number(.number(row.policy)), Self.ratio(row.ofOracle),
          Self.ratio(row.leastOfOracle), Self.ratio(row.ofPlain), "k = \(row.bestFixed)",
        ]) + TableText.right(Self.ratio(row.ofBestFixed), 8)
          + (speculation.tree == nil ? "" : TableText.right(Self.ratio(row.ofChains), 11))
      }).joined(separator: "\n")
  }

  private static func ratio(_ value: Double) -> String {
    let thousandths = Int(value * 1000 + 0.5)
    let rest = "\(thousandths % 1000)"
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
