import SchedulerCore

/// What a file says although it is hardly meant, or is an experiment: it is valid all the same.
extension PolicyDocument {
  /// Classes that have been thought through; more are an experiment.
  static let classesTried = 10

  /// One line each: the JSON pointer, a colon, a sentence.
  public var warnings: [String] {
    let general = ownWarnings
    return general
      + models.enumerated().flatMap { index, model in
        tailored(to: model.name).ownWarnings.filter { !general.contains($0) }.map { "/models/\(index)\($0)" }
      }
  }

  private var ownWarnings: [String] {
    [exerciserWarning, rankWarning, classCountWarning, deferWarning, peakWarning].compactMap { $0 } + capWarnings
  }

  private var exerciserWarning: String? {
    guard config.batchStrategy == .exerciser else { return nil }
    return "/batch/strategy: exerciser makes arbitrary plans to test engines; never serve with it"
  }

  private var rankWarning: String? {
    let usesRank = config.ordering == .priority || config.victimOrder == .lowestPriority
    guard usesRank, let first = config.classes.first, config.classes.allSatisfy({ $0.rank == first.rank }) else {
      return nil
    }
    return "/classes: every class has rank \(first.rank), so ordering by rank changes nothing"
  }

  private var classCountWarning: String? {
    guard config.classes.count > Self.classesTried else { return nil }
    return "/classes: \(config.classes.count) classes are an experiment; five are usual, \(Self.classesTried) possible"
  }

  private var peakWarning: String? {
    guard config.admission.reservesPeak != .none, [.goodput, .exerciser].contains(config.batchStrategy) else {
      return nil
    }
    return "/admission/reserve_peak: strategy \(config.batchStrategy.rawValue) does not look at it"
  }

  private var deferWarning: String? {
    guard config.admission.infeasible != .keep, [.vtc, .dlpm].contains(config.ordering) else {
      return nil
    }
    let ordering = config.ordering.rawValue
    return "/admission/infeasible: under \(ordering) nobody is set aside; only abort has an effect"
  }
}
