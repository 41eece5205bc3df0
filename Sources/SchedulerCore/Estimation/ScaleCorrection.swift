/// The factor by which measured times differ from a model's, and how well the model predicts with it.
struct ScaleCorrection: Codable, Hashable, Sendable {
  /// One measurement moves the correction by this share of its error: fast at first, then slowly.
  static let firstGain = 0.3
  static let steadyGain = 0.05
  static let firstObservations = 16
  /// So many measurements in a row beyond the bounds are no hiccups: the scale is wrong, and the fast gain applies.
  static let clippedRunMost = 3
  /// A measurement counts for no more than this, whatever it says: one hiccup must not move the plan.
  static let ratioLeast = 0.6
  static let ratioMost = 1.5

  private(set) var factor: Double
  /// Mean relative error of the predictions, once the first measurements are in.
  private(set) var error = 0.0
  /// The same from the first measurement on.
  private(set) var recentError = 0.0
  private(set) var observations = 0
  /// Measurements in a row that were too long (positive) or too short (negative) to count in full.
  private var clippedRun = 0

  init(factor: Double) { self.factor = factor }

  /// - Parameter ratio: measured time over the model's, uncorrected.
  mutating func observe(_ uncorrected: Double) {
    let ratio = uncorrected / factor
    noteClipping(ratio)
    let isFirst = observations < Self.firstObservations
    let gain = isFirst || abs(clippedRun) > Self.clippedRunMost ? Self.firstGain : Self.steadyGain
    let clipped = min(Self.ratioMost, max(Self.ratioLeast, ratio))
    recentError += max(Self.steadyGain, 1 / Double(observations + 1)) * (abs(clipped - 1) - recentError)
    if !isFirst { error += Self.steadyGain * (abs(clipped - 1) - error) }
    factor *= 1 + gain * (clipped - 1)
    observations += 1
  }

  private mutating func noteClipping(_ ratio: Double) {
    if ratio > Self.ratioMost {
      clippedRun = max(0, clippedRun) + 1
    } else if ratio < Self.ratioLeast {
      clippedRun = min(0, clippedRun) - 1
    } else {
      clippedRun = 0
    }
  }
}
