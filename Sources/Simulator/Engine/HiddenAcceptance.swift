import Glibc

/// How many drafts turn out right. What a draw gives depends on the seed, the request and the place in its output only,
/// so that every scheduler meets the same luck.
struct HiddenAcceptance {
  private static let mixedSpread = 0.3
  private static let driftTokens = 256.0
  private static let jumpTokens = 48
  private static let highAcceptance = 0.95
  private static let lowAcceptance = 0.05

  let options: SpeculationOptions
  let seed: UInt64

  /// - Parameters:
  ///   - request: identity of the request, the same in every run.
  ///   - output: tokens it has produced before this iteration.
  /// - Returns: how many of `drafts` are accepted.
  func accepted(drafts: Int, request: UInt64, output: Int) -> Int {
    let own = SeededRandom.mixed(seed ^ SeededRandom.mixed(request))
    var accepted = 0
    while accepted < drafts {
      let place = output + accepted
      var random = SeededRandom(seed: own &+ UInt64(place))
      guard random.unit() < probability(own, output: place) else { break }
      accepted += 1
    }
    return accepted
  }

  /// Probability that each of the next drafts is right and all before it are, up to the drafter's longest.
  func gains(request: UInt64, output: Int) -> [Double] {
    let own = SeededRandom.mixed(seed ^ SeededRandom.mixed(request))
    var gain = 1.0
    return (0..<options.draftsMax).map {
      gain *= probability(own, output: output + $0)
      return gain
    }
  }

  /// Probability that the draft for output token number `output` is right.
  func probability(_ own: UInt64, output: Int) -> Double {
    var random = SeededRandom(seed: ~own)
    let share = random.unit()
    switch options.mode {
    case .fixed: return options.acceptance
    case .mixed: return clamped(options.acceptance + Self.mixedSpread * (2 * share - 1))
    case .drifting:
      let turns = Double(output) / Self.driftTokens + share
      return clamped(options.acceptance + Self.mixedSpread * sin(2 * Double.pi * turns))
    case .adversarial:
      let phase = output + Int(share * Double(2 * Self.jumpTokens))
      return phase / Self.jumpTokens % 2 == 0 ? Self.highAcceptance : Self.lowAcceptance
    }
  }

  private func clamped(_ value: Double) -> Double { min(1, max(0, value)) }
}
