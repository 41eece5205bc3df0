/// When a waiting request's turn comes: a line is served at a rate, and until then others may still come and go before
/// it. Work is in microseconds of GPU time.
struct WaitRace: Codable, Sendable {
  private struct Overtaker: Codable, Sendable {
    /// From then on nobody of them goes before it any more, in microseconds from now.
    var untilUs: Double
    var rate: Double
    var worstRate: Double
  }

  /// Stands for no end of overtaking, in microseconds.
  static let neverUs = 1e15

  private(set) var aheadUs = 0.0
  private(set) var aheadRequests = 0.0
  /// Those that stop first come first.
  private var overtakers: ContiguousArray<Overtaker> = []

  mutating func open() {
    aheadUs = 0
    aheadRequests = 0
    overtakers.removeAll(keepingCapacity: true)
  }

  /// Work that waits and goes before it.
  mutating func add(aheadUs us: Double, requests: Double) {
    aheadUs += max(0, us)
    aheadRequests += max(0, requests)
  }

  /// Work that arrives at `rate` from now on goes before it too, for so long; at the worst at `worstRate`.
  mutating func add(overtakingRate rate: Double, worst worstRate: Double, untilUs: Double) {
    guard rate > 0, untilUs > 0 else { return }
    var index = overtakers.count
    while index > 0, overtakers[index - 1].untilUs > untilUs { index -= 1 }
    overtakers.insert(Overtaker(untilUs: untilUs, rate: rate, worstRate: worstRate), at: index)
  }

  /// The time W at which the line has served what was ahead and what came before it meanwhile:
  /// rate W = ahead + sum of r_i min(W, until_i). Infinite when it never has.
  func waitUs(rate: Double) -> Double {
    waitUs(rate: rate, aheadUs: aheadUs) { $0.rate }
  }

  /// The same when all goes badly: `moreUs` more work is ahead, and others come at their worst rates.
  func worstUs(rate: Double, moreUs: Double) -> Double {
    waitUs(rate: rate, aheadUs: aheadUs + moreUs) { $0.worstRate }
  }

  private func waitUs(rate: Double, aheadUs: Double, _ overtaking: (Overtaker) -> Double) -> Double {
    var work = aheadUs
    var slope = rate
    for overtaker in overtakers { slope -= overtaking(overtaker) }
    for overtaker in overtakers {
      if slope > 0, work <= overtaker.untilUs * slope { return work / slope }
      work += overtaking(overtaker) * overtaker.untilUs
      slope += overtaking(overtaker)
    }
    return slope > 0 ? work / slope : .infinity
  }
}
