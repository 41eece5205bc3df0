/// Time of one step of the drafter, which drafts one more token for every sequence: the policy's figure, or what is
/// learned from measured iterations.
///
/// An iteration with drafts takes f * verify + depth * step, where `verify` is the time predicted for its tokens and f
/// is how far such predictions are off. Iterations of different depth tell the two apart: a line through
/// elapsed / verify over depth / verify, by least squares with recent iterations weighing more. Where all are of one
/// depth nothing does, and the prediction is taken to be right.
struct DraftCost: Codable, Sendable {
  static let firstGain = 0.3
  static let steadyGain = 0.05
  static let firstObservations = 16
  /// Share of an iteration that a step is taken for until one is measured.
  static let startShare = 1.0 / 16
  /// A step is never taken to be longer than so many plain iterations.
  static let sharesMost = 2.0
  /// How much it counts that predictions are right, beside what depths tell.
  private static let trust = 0.02

  private let givenUs: Double?
  /// Means of x = depth / verify and of y = elapsed / verify - 1, of their product and of x squared.
  private var moments = SIMD4<Double>(repeating: 0)
  private var observations = 0

  init(givenUs: Int?) { self.givenUs = givenUs.map(Double.init) }

  /// What is known, under another policy.
  func with(givenUs: Int?) -> DraftCost {
    var cost = DraftCost(givenUs: givenUs)
    cost.moments = moments
    cost.observations = observations
    return cost
  }

  /// - Parameter plainUs: time of an iteration without drafts.
  func stepUs(plainUs: Double) -> Double { givenUs ?? learnedUs ?? plainUs * Self.startShare }

  /// Drafting time of a plan, as far as it is known.
  func knownUs(depth: Int) -> Double { Double(depth) * (givenUs ?? learnedUs ?? 0) }

  mutating func observe(_ iteration: DraftedIteration) {
    guard givenUs == nil, iteration.depth > 0, iteration.verifyUs > 0 else { return }
    let depth = Double(iteration.depth)
    let mostUs = iteration.verifyUs + depth * Self.sharesMost * iteration.plainUs
    let x = depth / iteration.verifyUs
    let y = min(iteration.elapsedUs, mostUs) / iteration.verifyUs - 1
    let gain = observations < Self.firstObservations ? Self.firstGain : Self.steadyGain
    moments += (observations == 0 ? 1 : gain) * (SIMD4(x, y, x * y, x * x) - moments)
    observations += 1
  }

  /// The slope of the line that goes through the mean as far as `trust` lets it, and through (0, 0) otherwise.
  private var learnedUs: Double? {
    guard observations > 0 else { return nil }
    let (x, y, xy, xx) = (moments[0], moments[1], moments[2], moments[3])
    return max(0, (xy - (1 - Self.trust) * x * y) / (xx - (1 - Self.trust) * x * x))
  }
}
