/// How fast requests have to be served.
public struct Pace: Hashable, Sendable {
  /// The tightest time per output token: nobody who asks for it can be left out of many iterations, so they are no
  /// longer than this on average.
  public let tpotMs: Double
  /// Share of the requests that ask for less, and may sit out iterations.
  public let looseShare: Double

  /// - Parameter looseShare: 0 for everybody at one pace.
  public init(tpotMs: Double, looseShare: Double = 0) {
    self.tpotMs = tpotMs
    self.looseShare = looseShare
  }

  public init(_ mix: ClassMix) {
    let tightest = mix.tightestTPOTMs
    tpotMs = Double(tightest)
    let total = mix.entries.reduce(0) { $0 + $1.share }
    looseShare = mix.entries.filter { $0.tpotSLOMs > tightest }.reduce(0) { $0 + $1.share } / total
  }
}
