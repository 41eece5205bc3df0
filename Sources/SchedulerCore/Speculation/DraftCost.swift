/// Time of one step of the drafter, which drafts one more token for every sequence: the policy's figure, or what
/// measured iterations took beyond the time predicted for verifying, per step.
struct DraftCost: Codable, Sendable {
  static let firstGain = 0.3
  static let steadyGain = 0.05
  static let firstObservations = 16
  /// Share of an iteration that a step is taken for until one is measured.
  static let startShare = 1.0 / 16
  /// A step is never taken to be longer than so many plain iterations.
  static let sharesMost = 2.0

  private let givenUs: Double?
  private var learnedUs: Double?
  private var observations = 0

  init(givenUs: Int?) { self.givenUs = givenUs.map(Double.init) }

  /// What is known, under another policy.
  func with(givenUs: Int?) -> DraftCost {
    var cost = DraftCost(givenUs: givenUs)
    cost.learnedUs = learnedUs
    cost.observations = observations
    return cost
  }

  var isGiven: Bool { givenUs != nil }

  /// - Parameter plainUs: time of an iteration without drafts.
  func stepUs(plainUs: Double) -> Double { givenUs ?? learnedUs ?? plainUs * Self.startShare }

  /// Drafting time of a plan, as far as it is known.
  func knownUs(depth: Int) -> Double { Double(depth) * (givenUs ?? learnedUs ?? 0) }

  mutating func observe(_ iteration: DraftedIteration) {
    guard givenUs == nil, iteration.depth > 0 else { return }
    let measuredUs = max(0, iteration.elapsedUs - iteration.verifyUs) / Double(iteration.depth)
    let clippedUs = min(measuredUs, Self.sharesMost * iteration.plainUs)
    let gain = observations < Self.firstObservations ? Self.firstGain : Self.steadyGain
    let before = learnedUs ?? clippedUs
    learnedUs = before + gain * (clippedUs - before)
    observations += 1
  }
}
