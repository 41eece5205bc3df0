import Policy

/// What tuning makes larger, by what the policy is for: the column of the scorecard that the need is judged by.
public enum TuningObjective: String, CaseIterable, Hashable, Sendable {
  case weighted = "weighted_within_slo_ratio"
  case tightest = "tightest_class_strict_within_slo_ratio"
  case tokens = "tokens_per_s"
  case goodTokens = "goodput_tokens_per_s"
  case tenants = "mean_tenant_within_slo_ratio"

  public init(_ need: PolicyNeed?) {
    self =
      switch need {
      case nil, .balanced: .weighted
      case .latency: .tightest
      case .throughput: .tokens
      case .cost: .goodTokens
      case .fairness: .tenants
      }
  }

  /// As people read it.
  public var title: String {
    switch self {
    case .weighted: "share in SLO, weighted by class"
    case .tightest: "share of the tightest class in SLO with 99 % of its gaps"
    case .tokens: "tokens per second"
    case .goodTokens: "tokens in SLO per second"
    case .tenants: "share in SLO, each tenant counted once"
    }
  }

  private var isRate: Bool { self == .tokens || self == .goodTokens }

  /// A gain has to be at least this to be taken.
  public var margin: Double { isRate ? TuningRule.rateMargin : TuningRule.shareMargin }

  /// "0.5 points" or "2.0 %".
  public var marginText: String { String(text(margin).dropFirst()) }

  func value(_ figures: TuningFigures) -> Double {
    switch self {
    case .weighted: figures.weightedRatio
    case .tightest: figures.tightestStrictRatio
    case .tokens: figures.tokensPerS
    case .goodTokens: figures.goodTokensPerS
    case .tenants: figures.tenantMeanRatio
    }
  }

  /// Of shares the difference, of rates the part of what there was.
  func gain(_ candidate: TuningFigures, over current: TuningFigures) -> Double {
    let difference = value(candidate) - value(current)
    guard isRate else { return difference }
    return value(current) > 0 ? difference / value(current) : difference
  }

  func isWithinMargin(_ value: Double, of most: Double) -> Bool {
    isRate ? most - value < most * margin : most - value < margin
  }

  /// "+1.2 points" or "+1.2 %".
  func text(_ gain: Double) -> String {
    let tenths = Int((gain.magnitude * 1000).rounded())
    let sign = tenths == 0 ? "" : gain < 0 ? "-" : "+"
    return "\(sign)\(tenths / 10).\(tenths % 10) \(isRate ? "%" : "points")"
  }
}
