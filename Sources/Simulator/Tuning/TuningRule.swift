/// When a candidate is better than the policy so far: by the objective, else by tokens per second, and never at the
/// price of a class. Equals keep what there is.
public enum TuningRule {
  /// Gain of a share that is taken for one, and loss of a share on traffic held back that is.
  public static let shareMargin = 0.005
  /// The same for a rate, as a part of it.
  public static let rateMargin = 0.02
  /// A class may lose so much of its share within SLO, but one request in any case.
  public static let classTolerance = 0.02
  /// Candidates that the margin cannot tell apart are told apart by the same requests coming so many times as fast.
  public static let stressRate = 1.25
  /// What fairness caps may cost of the weighted share within SLO.
  public static let fairnessCostMax = 0.01

  /// Both saw the same requests.
  static func judge(
    _ candidate: TuningFigures, over current: TuningFigures, for step: TuningStep, objective: TuningObjective
  ) -> TuningVerdict {
    if let loser = loser(candidate, current) { return .costsClass(loser.name, loss: loser.loss) }
    if step == .fairness, fairnessCost(candidate, current) > fairnessCostMax {
      return .costsShare(fairnessCost(candidate, current))
    }
    let gain = objective.gain(candidate, over: current)
    let tokens = TuningObjective.tokens.gain(candidate, over: current)
    return gain >= objective.margin || gain >= 0 && tokens >= rateMargin ? .better : .notBetter
  }

  /// Whether the first candidate goes before the second.
  static func prefers(_ a: TuningFigures, to b: TuningFigures, objective: TuningObjective) -> Bool {
    (objective.value(a), a.tokensPerS) > (objective.value(b), b.tokensPerS)
  }

  /// What the proposal did on traffic that nothing was chosen by.
  static func judgeHeldBack(
    _ proposal: TuningFigures, over base: TuningFigures, objective: TuningObjective, hasCaps: Bool
  ) -> TuningOutcome {
    if let loser = loser(proposal, base) { return .costsClass(loser.name, loss: loser.loss) }
    let gain = objective.gain(proposal, over: base)
    if gain >= objective.margin { return .better }
    if gain > -objective.margin {
      return TuningObjective.tokens.gain(proposal, over: base) >= rateMargin ? .better : .same
    }
    let tenants = TuningObjective.tenants.gain(proposal, over: base)
    let pays = hasCaps && fairnessCost(proposal, base) <= fairnessCostMax && tenants >= shareMargin
    return pays ? .better : .worse
  }

  private static func fairnessCost(_ candidate: TuningFigures, _ current: TuningFigures) -> Double {
    current.weightedRatio - candidate.weightedRatio
  }

  /// The class that loses most beyond what it may.
  private static func loser(_ candidate: TuningFigures, _ current: TuningFigures) -> (name: String, loss: Double)? {
    var worst: (name: String, loss: Double)?
    for (before, after) in zip(current.classes, candidate.classes) {
      let allowed = max(1, Int(classTolerance * Double(before.requests)))
      let loss = before.ratio - after.ratio
      if before.inSLO - after.inSLO > allowed, loss > worst?.loss ?? 0 { worst = (before.name, loss) }
    }
    return worst
  }
}
