/// Predicts how long an iteration takes: a fitted or guessed model, corrected by what the engine measures, or, where
/// that is wrong in more than its scale, a model learned from the measurements alone. Iterations with and without
/// prefill are predicted apart, since their errors differ.
///
/// Doubles live in here only; what leaves is whole microseconds.
struct TimeEstimator: Codable, Sendable {
  /// Plans leave this share of an iteration's time unused at least, and at most the other; between them so many times
  /// the mean error of the predictions.
  static let marginLeast = 0.02
  static let marginMost = 0.12
  static let marginPerError = 2.5
  private let model: IterationTimeModel
  private var decodeOnly: IterationEstimate
  private var withPrefill: IterationEstimate

  init(_ model: IterationTimeModel) {
    self.model = model
    decodeOnly = IterationEstimate(model.decodeOnly, overheadUs: model.overheadUs)
    withPrefill = IterationEstimate(model.withPrefill, overheadUs: model.overheadUs)
  }

  /// Predicted time of an iteration, the engine's overhead included, in whole microseconds.
  @inline(__always)
  func elapsedUs(_ features: IterationFeatures) -> Int {
    features.prefillTokens > 0 ? elapsedUs(features, withPrefill) : elapsedUs(features, decodeOnly)
  }

  @inline(__always)
  private func elapsedUs(_ features: IterationFeatures, _ estimate: borrowing IterationEstimate) -> Int {
    let us = estimate.usesLearned ? estimate.learned.elapsedUs(features) : Double(model.elapsedUs(features))
    return Int(us * estimate.factor)
  }

  /// Share of an iteration's time that a plan leaves unused, since predictions are never exact. An engine that is hard
  /// to predict gets more of it.
  func marginShare(withPrefill hasPrefill: Bool) -> Double {
    let error = hasPrefill ? withPrefill.error : decodeOnly.error
    return min(Self.marginMost, max(Self.marginLeast, Self.marginPerError * error))
  }

  /// Time of an iteration beside its work: the model's constant and the engine's overhead, in microseconds.
  var fixedUs: Double {
    withPrefill.usesLearned
      ? withPrefill.learned.fixedMs * 1000 * withPrefill.factor
      : (model.withPrefill.a * 1000 + Double(model.overheadUs)) * withPrefill.factor
  }

  /// GPU time that `tokens` more prefill tokens after `prefix` tokens cost, spread over however many iterations, in
  /// microseconds.
  @inline(__always)
  func prefillUs(tokens: Int, prefix: Int) -> Double {
    let k = model.withPrefill
    let tokens = Double(tokens)
    let pairs = tokens * (Double(prefix) + tokens / 2)
    let ms =
      withPrefill.usesLearned
      ? withPrefill.learned.prefillMs(tokens: tokens, pairs: pairs) : k.b * tokens + k.c * pairs
    return ms * 1000 * withPrefill.factor
  }

  /// GPU time of one decoded token with `context` tokens before it, in an iteration that is full anyway, in
  /// microseconds.
  @inline(__always)
  func decodeUs(context: Int) -> Double {
    guard !withPrefill.usesLearned else {
      return withPrefill.learned.decodeMs(context: Double(context)) * 1000 * withPrefill.factor
    }
    let k = model.withPrefill
    let perToken = model.form == .roofline ? k.b + k.d : k.d
    return (perToken + k.e * Double(context)) * 1000 * withPrefill.factor
  }

  mutating func observe(_ observation: IterationObservation) {
    guard !observation.features.isEmpty, observation.elapsedUs > 0 else { return }
    let modelUs = Double(model.elapsedUs(observation.features))
    if observation.features.prefillTokens > 0 {
      withPrefill.observe(observation, modelUs: modelUs)
    } else {
      decodeOnly.observe(observation, modelUs: modelUs)
    }
  }
}
