/// What a storm of policy changes does to the Steps of an engine at full load: windows with and without it take turns,
/// so that whatever else disturbs the machine hits both alike.
struct StormBench {
  struct Figures {
    /// Longest Step of each window, in microseconds.
    var calm: Quantiles
    var storm: Quantiles
    /// Longest echo of as many bytes beside the same Steps.
    var calmEcho: Quantiles
    var stormEcho: Quantiles
    /// What the changes took on the event loop.
    var switches: Quantiles
    var steps: Int
    var applied: Int
    var refused: Int
  }

  private static let windowNs = 1_000_000_000
  private let adminSocket: String
  private var bench: RoundTripBench

  init(engineSocket: String, adminSocket: String) throws(CommandFailure) {
    self.adminSocket = adminSocket
    bench = try RoundTripBench(engineSocket: engineSocket, turnover: 2)
  }

  var replyBytes: Int { bench.replyBytes }

  /// - Parameter rounds: windows of a second each, with and without the storm.
  mutating func measure(echoSocket: String, rounds: Int) throws(CommandFailure) -> Figures {
    var longest = [Distribution](repeating: Distribution(capacity: rounds), count: 4)
    var switches = Distribution(capacity: rounds * ReloadStorm.changesPerS)
    var steps = 0
    var applied = 0
    var refused = 0
    for _ in 0..<rounds {
      let calm = try bench.window(ns: Self.windowNs, echoSocket: echoSocket)
      let storm = ReloadStorm(adminSocket: adminSocket)
      let rough = try bench.window(ns: Self.windowNs, echoSocket: echoSocket)
      let changes = try storm.stop()
      for us in changes.switchesNs { switches.add(us) }
      for (index, ns) in [calm.longestStepNs, rough.longestStepNs, calm.longestEchoNs, rough.longestEchoNs].enumerated()
      { longest[index].add(ns) }
      steps += calm.steps + rough.steps
      applied += changes.switchesNs.count
      refused += changes.refused
    }
    return Figures(
      calm: longest[0].quantiles(), storm: longest[1].quantiles(), calmEcho: longest[2].quantiles(),
      stormEcho: longest[3].quantiles(), switches: switches.quantiles(), steps: steps, applied: applied,
      refused: refused)
  }
}
