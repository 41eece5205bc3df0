/// What is known about iterations of one kind, with prefill or without: how far the given model is off, and a model
/// learned from the measurements for where that is wrong in more than its scale.
struct IterationEstimate: Codable, Sendable {
  /// Before anything is measured, iterations are taken to be this much longer than the model says: a plan that is too
  /// small costs little, one that is too large breaks promises.
  static let startCorrection = 1.05
  /// A model with a smaller mean error is right: nothing is learned.
  static let goodError = 0.02
  /// Among the first measurements, a model is replaced only if its error is above this.
  static let farOffError = 0.1
  static let leastObservations = 4
  /// The learned model takes over when its error is below this share of the given one's.
  static let advantage = 0.8

  private var correction = ScaleCorrection(factor: startCorrection)
  private var learnedCorrection = ScaleCorrection(factor: 1)
  private(set) var learned: LearnedTimeModel
  private(set) var usesLearned = false

  init(_ coefficients: IterationTimeModel.Coefficients, overheadUs: Int) {
    learned = LearnedTimeModel(coefficients, overheadUs: overheadUs)
  }

  /// Measured over predicted time of whichever model predicts.
  var factor: Double { usesLearned ? learnedCorrection.factor : correction.factor }

  /// Mean relative error of its predictions.
  var error: Double { usesLearned ? learnedCorrection.error : correction.error }

  /// - Parameter modelUs: what the given model says, uncorrected.
  mutating func observe(_ observation: IterationObservation, modelUs: Double) {
    let us = Double(observation.elapsedUs)
    correction.observe(us / max(1, modelUs))
    let isFirst = correction.observations <= ScaleCorrection.firstObservations
    guard isFirst || usesLearned || correction.recentError > Self.goodError else { return }
    learnedCorrection.observe(us / learned.elapsedUs(observation.features))
    learned.observe(observation.features, elapsedUs: observation.elapsedUs)
    guard correction.observations >= Self.leastObservations else { return }
    usesLearned =
      correction.recentError > (isFirst ? Self.farOffError : Self.goodError)
      && learnedCorrection.recentError < correction.recentError * (usesLearned ? 1 : Self.advantage)
  }
}
