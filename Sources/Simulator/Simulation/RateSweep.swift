import WireProtocol

/// The search for capacity: the largest rate at which at least 99 % of every class is within its SLO.
public struct RateSweep: Hashable, Sendable {
  public struct Point: Hashable, Sendable {
    public let requestsPerS: Double
    public let goodputRequestsPerS: Double
    /// Share within SLO of the class that fares worst.
    public let worstClassRatio: Double

    var isGood: Bool { worstClassRatio >= RateSweep.goodRatio }
  }

  public static let goodRatio = 0.99
  /// Runs of one search: the last step is below 1 % of the bound.
  public static let runs = 8

  /// In the order in which they were tried.
  public internal(set) var points: [Point] = []

  /// False when the search was interrupted.
  public var isComplete: Bool { points.count == Self.runs }

  /// The largest rate that was tried and good; 0 when none was.
  public var capacityRequestsPerS: Double { points.lazy.filter(\.isGood).map(\.requestsPerS).max() ?? 0 }

  /// By rate, as a plot wants them.
  public var sortedPoints: [Point] { points.sorted { $0.requestsPerS < $1.requestsPerS } }

  var json: JSONValue {
    .array(
      sortedPoints.map {
        [
          "requests_per_s": .number($0.requestsPerS), "goodput_requests_per_s": .number($0.goodputRequestsPerS),
          "worst_class_within_slo_ratio": .number($0.worstClassRatio),
        ]
      })
  }
}
