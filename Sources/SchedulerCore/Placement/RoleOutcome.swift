/// What a division of roles really served, beside what was forecast for it: corrects the forecast for this division as
/// long as the load stays what it was.
struct RoleOutcome: Hashable, Codable, Sendable {
  /// A load whose rate, prompts or answers differ by more than this from the measured one is another, in percent.
  static let samePercent = 20
  /// Weight of a new measurement beside the old ones: one in so many.
  private static let inertia = 2

  private var load: RoleLoad
  /// Requests in time per mille of the forecast.
  private var servedPerMille: Int

  init(_ load: RoleLoad, inTimePerMille: Int, forecastPerKiloS: Int) {
    self.load = load
    servedPerMille = Self.served(load, inTimePerMille, forecastPerKiloS)
  }

  private static func served(_ load: RoleLoad, _ inTimePerMille: Int, _ forecastPerKiloS: Int) -> Int {
    min(1_000, load.requestsPerKiloS * inTimePerMille / max(1, forecastPerKiloS))
  }

  mutating func add(_ load: RoleLoad, inTimePerMille: Int, forecastPerKiloS: Int) {
    let new = Self.served(load, inTimePerMille, forecastPerKiloS)
    servedPerMille = isAbout(load) ? servedPerMille + (new - servedPerMille) / Self.inertia : new
    self.load = load
  }

  /// Whether this was measured at a load like that.
  func isAbout(_ other: RoleLoad) -> Bool {
    Self.isSame(load.requestsPerKiloS, other.requestsPerKiloS) && Self.isSame(load.promptTokens, other.promptTokens)
      && Self.isSame(load.outputTokens, other.outputTokens) && load.tpotSLOUs == other.tpotSLOUs
      && load.ttftSLOUs == other.ttftSLOUs
  }

  private static func isSame(_ x: Int, _ y: Int) -> Bool { abs(x - y) * 100 <= samePercent * max(x, y) }

  func corrected(_ forecastPerKiloS: Int) -> Int { forecastPerKiloS * servedPerMille / 1_000 }
}
