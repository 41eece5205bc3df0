import Policy
import WireProtocol

/// What one step tried and chose.
public struct TuningResult: Hashable, Sendable {
  public let step: TuningStep
  /// Why it does not apply; nil where it does.
  public let obstacle: String?
  public let objective: TuningObjective
  public var trials: [TuningTrial] = []
  /// Not all candidates were tried, so none was chosen.
  public var isInterrupted = false
  /// Index of the trial that was taken; nil: the policy stays as it was.
  public var chosen: Int?
  /// Members that the choice changes, every member stated.
  public var changes: [PolicyDifference] = []
  public let before: TuningFigures
  public var after: TuningFigures

  init(_ step: TuningStep, obstacle: String?, objective: TuningObjective, before: TuningFigures) {
    self.step = step
    self.obstacle = obstacle
    self.objective = objective
    self.before = before
    after = before
  }

  /// Trials that are better, none by the margin than another.
  var equals: [Int] {
    let better = trials.indices.filter { trials[$0].verdict == .better }
    guard let most = better.compactMap({ trials[$0].figures.map(objective.value) }).max() else { return [] }
    return better.filter { index in
      trials[index].figures.map { objective.isWithinMargin(objective.value($0), of: most) } ?? false
    }
  }

  /// The one to take: of equals the one that is best at the higher rate. nil: none is better.
  var best: Int? {
    var best: (index: Int, figures: TuningFigures)?
    for index in equals {
      guard let figures = trials[index].stressed ?? trials[index].figures else { continue }
      if best.map({ TuningRule.prefers(figures, to: $0.figures, objective: objective) }) ?? true {
        best = (index, figures)
      }
    }
    return best?.index
  }

  /// Why nothing is changed, in one line; nil where something is.
  public var reason: String? {
    if let obstacle { return "not tried: \(obstacle)" }
    if isInterrupted { return "interrupted: nothing chosen" }
    guard chosen == nil else { return nil }
    let ran = trials.compactMap { trial in trial.figures.map { (trial, $0) } }
    guard var best = ran.first else { return "kept: there is nothing else to try" }
    for other in ran.dropFirst() where TuningRule.prefers(other.1, to: best.1, objective: objective) { best = other }
    let gain = objective.gain(best.1, over: before)
    let text = "kept: \(best.0.candidate.name) \(objective.text(gain))"
    switch best.0.verdict {
    case .costsClass(let name, let loss) where gain >= objective.margin:
      return "\(text), but class \(name) \(TuningObjective.weighted.text(-loss))"
    case .costsShare(let loss) where gain >= objective.margin:
      return "\(text), but the whole \(TuningObjective.weighted.text(-loss))"
    default: return "\(text), margin \(objective.marginText)"
    }
  }

  public var json: JSONValue {
    [
      "step": .string(step.rawValue), "applies": .bool(obstacle == nil), "reason": reason.map { .string($0) } ?? nil,
      "objective": .string(objective.rawValue), "candidates": .array(trials.map(\.json)),
      "chosen": chosen.map { .string(trials[$0].candidate.name) } ?? nil, "changes": .array(changes.map(\.json)),
      "before": before.json, "after": after.json,
    ]
  }
}
