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
  private(set) var prices: WorkPrices

  init(_ model: IterationTimeModel) {
    self.model = model
    decodeOnly = IterationEstimate(model.decodeOnly, overheadUs: model.overheadUs)
    withPrefill = IterationEstimate(model.withPrefill, overheadUs: model.overheadUs)
    prices = Self.prices(model, withPrefill)
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
  var fixedUs: Double { prices.fixedUs }

  /// GPU time of more prefill (`WorkPrices.prefillUs`).
  @inline(__always)
  func prefillUs(tokens: Int, prefix: Int) -> Double { prices.prefillUs(tokens: tokens, prefix: prefix) }

  /// GPU time of one decoded token (`WorkPrices.decodeUs`).
  @inline(__always)
  func decodeUs(context: Int) -> Double { prices.decodeUs(context: context) }

  private static func prices(_ model: IterationTimeModel, _ estimate: IterationEstimate) -> WorkPrices {
    let factor = estimate.factor
    if estimate.usesLearned {
      let learned = estimate.learned
      return WorkPrices(
        fixedUs: learned.fixedMs * 1000 * factor, prefillMs: learned.tokenMs, pairMs: learned.pairMs,
        decodeMs: learned.decodeMs, contextMs: learned.contextMs, factor: factor)
    }
    let k = model.withPrefill
    return WorkPrices(
      fixedUs: (k.a * 1000 + Double(model.overheadUs)) * factor, prefillMs: k.b, pairMs: k.c,
      decodeMs: model.form == .roofline ? k.b + k.d : k.d, contextMs: k.e, factor: factor)
  }

  mutating func observe(_ observation: IterationObservation) {
    guard !observation.features.isEmpty, observation.elapsedUs > 0 else { return }
    let modelUs = Double(model.elapsedUs(observation.features))
    if observation.features.prefillTokens > 0 {
      withPrefill.observe(observation, modelUs: modelUs)
      prices = Self.prices(model, withPrefill)
    } else {
      decodeOnly.observe(observation, modelUs: modelUs)
    }
  }
}
