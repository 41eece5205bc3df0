/// Predicts how long an iteration takes: a fitted or guessed model, corrected by what the engine measures. Iterations
/// with and without prefill are corrected apart, since their errors differ.
///
/// Doubles live in here only; what leaves is whole microseconds.
struct TimeEstimator: Codable, Sendable {
  /// One measurement moves the correction by this share of its error: fast at first, then slowly.
  static let firstGain = 0.3
  static let steadyGain = 0.05
  static let firstObservations = 16
  /// So many measurements in a row beyond the bounds are no hiccups: the scale is wrong, and the fast gain applies.
  static let clippedRunMost = 3
  /// A measurement counts for no more than this, whatever it says: one hiccup must not move the plan.
  static let ratioLeast = 0.6
  static let ratioMost = 1.5
  /// Plans leave this share of an iteration's time unused at least, and at most the other; between them so many times
  /// the mean error of the predictions.
  static let marginLeast = 0.02
  static let marginMost = 0.12
  static let marginPerError = 2.5
  /// Before anything is measured, iterations are taken to be this much longer than the model says: a plan that is too
  /// small costs little, one that is too large breaks promises.
  static let startCorrection = 1.05

  private let model: IterationTimeModel
  private var decodeOnly = Correction()
  private var withPrefill = Correction()

  private struct Correction: Codable, Hashable, Sendable {
    var factor = TimeEstimator.startCorrection
    /// Mean relative error of the predictions, once the first measurements are in.
    var error = 0.0
    var observations = 0
    /// Measurements in a row that were too long (positive) or too short (negative) to count in full.
    var clippedRun = 0

    mutating func observe(_ ratio: Double) {
      noteClipping(ratio)
      let isFast = observations < firstObservations || abs(clippedRun) > clippedRunMost
      let gain = isFast ? firstGain : steadyGain
      let clipped = min(ratioMost, max(ratioLeast, ratio))
      if observations >= firstObservations { error += steadyGain * (abs(clipped - 1) - error) }
      factor *= 1 + gain * (clipped - 1)
      observations += 1
    }

    private mutating func noteClipping(_ ratio: Double) {
      if ratio > ratioMost {
        clippedRun = max(0, clippedRun) + 1
      } else if ratio < ratioLeast {
        clippedRun = min(0, clippedRun) - 1
      } else {
        clippedRun = 0
      }
    }
  }

  init(_ model: IterationTimeModel) { self.model = model }

  /// Predicted time of an iteration, the engine's overhead included, in whole microseconds.
  @inline(__always)
  func elapsedUs(_ features: IterationFeatures) -> Int {
    let factor = features.prefillTokens > 0 ? withPrefill.factor : decodeOnly.factor
    return Int(Double(model.elapsedUs(features)) * factor)
  }

  /// Share of an iteration's time that a plan leaves unused, since predictions are never exact. An engine that is hard
  /// to predict gets more of it.
  func marginShare(withPrefill hasPrefill: Bool) -> Double {
    let error = hasPrefill ? withPrefill.error : decodeOnly.error
    return min(Self.marginMost, max(Self.marginLeast, Self.marginPerError * error))
  }

  /// Time of an iteration beside its work: the model's constant and the engine's overhead, in microseconds.
  var fixedUs: Double { (model.withPrefill.a * 1000 + Double(model.overheadUs)) * withPrefill.factor }

  /// GPU time that `tokens` more prefill tokens after `prefix` tokens cost, spread over however many iterations, in
  /// microseconds.
  @inline(__always)
  func prefillUs(tokens: Int, prefix: Int) -> Double {
    let k = model.withPrefill
    let tokens = Double(tokens)
    return (k.b * tokens + k.c * tokens * (Double(prefix) + tokens / 2)) * 1000 * withPrefill.factor
  }

  /// GPU time of one decoded token with `context` tokens before it, in an iteration that is full anyway, in
  /// microseconds.
  @inline(__always)
  func decodeUs(context: Int) -> Double {
    let k = model.withPrefill
    let perToken = model.form == .roofline ? k.b + k.d : k.d
    return (perToken + k.e * Double(context)) * 1000 * withPrefill.factor
  }

  mutating func observe(_ observation: IterationObservation) {
    guard !observation.features.isEmpty, observation.elapsedUs > 0 else { return }
    let ratio = Double(observation.elapsedUs) / Double(max(1, elapsedUs(observation.features)))
    if observation.features.prefillTokens > 0 { withPrefill.observe(ratio) } else { decodeOnly.observe(ratio) }
  }
}
