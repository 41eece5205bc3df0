import Policy
import SchedulerCore

/// A scheduler under test, by name.
public struct Contender: Hashable, Sendable {
  public let name: String
  private(set) var policy: PolicyConfig
  /// It is told each request's true output length, as no real scheduler is.
  let isClairvoyant: Bool

  /// A policy in the sidecar's own core.
  /// - Parameter time: iteration times to start from, if the policy has none: what an operator measured before.
  public init(policy: PolicyConfig, time: IterationTimeModel? = nil, isClairvoyant: Bool = false) {
    name = policy.name
    self.policy = policy
    if policy.timeModel == nil { self.policy.timeModel = time }
    self.isClairvoyant = isClairvoyant
  }

  /// - Parameters:
  ///   - time: the iteration times that the scheduler starts from, unless its policy has its own.
  ///   - isTold: whether it starts from any.
  ///   - bias: factor on those it starts from.
  func link(time: IterationTimeModel? = nil, isTold: Bool = true, bias: Double = 1) -> any SchedulerLink {
    var policy = policy
    policy.timeModel = isTold ? policy.timeModel ?? time : nil
    if bias != 1 { policy.timeModel = policy.timeModel?.scaled(by: bias) }
    return CoreLink(policy: policy)
  }

  // MARK: - Baselines

  /// Baselines that know output lengths in advance.
  private static let clairvoyantNames = ["edf-moore-hodgson", "srpt"]

  /// Schedulers of today, and clairvoyant ones above them; each is a preset of that name.
  public static let baselineNames =
    [
      "orca", "vllm-v1", "vllm-v1-priority", "sarathi", "fastserve", "vtc", "dlpm", "qoserve", "edf-moore-hodgson",
      "srpt",
    ].filter { PolicyDocument.preset($0) != nil }

  /// A scheduler of today by its name; nil when there is none of that name.
  public static func baseline(_ name: String, time: IterationTimeModel, mix: ClassMix) -> Contender? {
    guard baselineNames.contains(name) else { return nil }
    if name == "sarathi" { return sarathi(time, tpotMs: mix.tightestTPOTMs) }
    return PolicyDocument.preset(name).map {
      Contender(policy: $0.config, time: time, isClairvoyant: clairvoyantNames.contains(name))
    }
  }

  /// The preset, with the budget that this profile and these classes call for.
  private static func sarathi(_ time: IterationTimeModel, tpotMs: Int) -> Contender? {
    guard var policy = PolicyDocument.preset("sarathi")?.config else { return nil }
    policy.stepTokens = sarathiBudget(time, tpotMs: tpotMs)
    return Contender(policy: policy)
  }

  /// Sarathi's budget: the largest multiple of a GEMM tile whose iteration, with a typical decode batch in it, keeps
  /// within the tightest time between tokens.
  static func sarathiBudget(_ time: IterationTimeModel, tpotMs: Int) -> Int {
    var budget = sarathiDecodes + tileTokens
    while budget + tileTokens <= sarathiBudgetMax {
      var features = IterationFeatures()
      features.addPrefill(tokens: budget + tileTokens - sarathiDecodes, prefix: 0)
      for _ in 0..<sarathiDecodes { features.addDecode(context: sarathiContextTokens) }
      guard time.elapsedUs(features) <= tpotMs * 1000 else { break }
      budget += tileTokens
    }
    return budget
  }

  private static let tileTokens = 128
  private static let sarathiDecodes = 128
  private static let sarathiContextTokens = 1024
  private static let sarathiBudgetMax = 8192
}
