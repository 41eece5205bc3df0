import Glibc
import SchedulerCore

/// How many drafts turn out right. What a draw gives depends on the seed, the request and the place in its output only,
/// so that every scheduler meets the same luck.
struct HiddenAcceptance {
  private static let mixedSpread = 0.3
  private static let furtherSpread = 0.3
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
  func accepted(drafts: Int, shape: DraftShape = .chain, request: UInt64, output: Int) -> Int {
    let own = own(request)
    let depth = shape.depth(drafts: drafts)
    var accepted = 0
    while accepted < depth, isOneRight(own, output: output + accepted, width: shape.width(accepted + 1)) {
      accepted += 1
    }
    return accepted
  }

  private func own(_ request: UInt64) -> UInt64 { SeededRandom.mixed(seed ^ SeededRandom.mixed(request)) }

  /// Whether one of the first `width` candidates for an output token is right. The r-th is drawn after those before it.
  private func isOneRight(_ own: UInt64, output: Int, width: Int) -> Bool {
    var random = SeededRandom(seed: own &+ UInt64(output))
    var chance = probability(own, output: output)
    if random.unit() < chance { return true }
    guard width > 1 else { return false }
    let share = furtherShare(own)
    for _ in 1..<width {
      chance *= share
      if random.unit() < chance { return true }
    }
    return false
  }

  /// How many times as likely each further candidate of a request is to be right as the one before it was.
  private func furtherShare(_ own: UInt64) -> Double {
    guard let tree = options.tree else { return 0 }
    guard options.mode != .fixed else { return tree.furtherShare }
    var random = SeededRandom(seed: ~own)
    // The first draw is the acceptance's.
    _ = random.unit()
    return clamped(tree.furtherShare + Self.furtherSpread * (2 * random.unit() - 1))
  }

  /// For each of the next levels, up to the drafter's deepest, the probability that one of 1, 2, ... candidates is
  /// right, given that the path reached the level.
  func hits(request: UInt64, output: Int) -> [[Double]] {
    let own = own(request)
    let share = furtherShare(own)
    return (0..<options.draftsMax).map { level in
      var chance = probability(own, output: output + level)
      var missed = 1.0
      return (0..<(options.tree?.widthMax ?? 1)).map { _ in
        missed *= 1 - chance
        chance *= share
        return 1 - missed
      }
    }
  }

  /// Probability that each of the next drafts is right and all before it are, up to the drafter's longest.
  func gains(request: UInt64, output: Int) -> [Double] {
    let own = own(request)
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
