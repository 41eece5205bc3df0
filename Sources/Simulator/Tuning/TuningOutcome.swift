import WireProtocol

/// The proposal against the policy that was there, on traffic that was held back.
public enum TuningOutcome: Hashable, Sendable {
  case better
  /// Within the margin.
  case same
  case worse
  /// A class pays for it.
  case costsClass(String, loss: Double)
  /// Nothing was changed, so nothing was compared.
  case unchanged

  public var isWorse: Bool {
    switch self {
    case .worse, .costsClass: true
    case .better, .same, .unchanged: false
    }
  }

  /// As `-o json` has it.
  public var word: String {
    switch self {
    case .better: "better"
    case .same: "same"
    case .worse: "worse"
    case .costsClass: "costs_a_class"
    case .unchanged: "unchanged"
    }
  }

  /// One line for people.
  public var text: String {
    switch self {
    case .better: "held back: the proposal is better there as well"
    case .same: "held back: the proposal is no different there, within the margin"
    case .worse: "held back: the proposal is WORSE there"
    case .costsClass(let name, let loss):
      "held back: class \(name) PAYS for the proposal there, \(TuningObjective.weighted.text(-loss))"
    case .unchanged: "nothing to gain: the policy stays as it is"
    }
  }
}
