import WireProtocol

/// The search for capacity: the largest rate at which at least 99 % of every class is within its SLO.
public struct RateSweep: Hashable, Sendable {
  public struct Point: Hashable, Sendable {
    public let requestsPerS: Double
    public let goodputRequestsPerS: Double
    /// Share within SLO of the class that fares worst.
    public let worstClassRatio: Double
    /// The same with 99 % of the gaps in place of their mean.
    public let worstClassStrictRatio: Double
  }

  /// What has to hold at a rate.
  public enum Criterion: String, CaseIterable, Hashable, Sendable {
    /// TTFT and mean TPOT.
    case rate
    /// TTFT, mean TPOT, and 99 % of every request's gaps.
    case strictRate = "strict-rate"
  }

  public static let goodRatio = 0.99
  /// Runs of one search: the last step is below 1 % of the bound.
  public static let runs = 8
  /// Rates that a curve shows beside those of the search, as shares of the bound.
  public static let curveShares = [0.7, 0.85, 1.0, 1.2]

  public let criterion: Criterion

  public init(criterion: Criterion = .rate) { self.criterion = criterion }

  /// In the order in which they were tried.
  public internal(set) var points: [Point] = []

  /// Rates tried for the curve only.
  public internal(set) var curve: [Point] = []

  /// False when the search was interrupted.
  public var isComplete: Bool { points.count == Self.runs }

  /// The largest rate that was tried and good; 0 when none was.
  public var capacityRequestsPerS: Double { points.lazy.filter(isGood).map(\.requestsPerS).max() ?? 0 }

  func isGood(_ point: Point) -> Bool {
    point.worstClassRatio >= Self.goodRatio
      && (criterion == .rate || point.worstClassStrictRatio >= Self.goodRatio)
  }

  /// By rate, as a plot wants them.
  public var sortedPoints: [Point] { (points + curve).sorted { $0.requestsPerS < $1.requestsPerS } }

  var json: JSONValue {
    .array(
      sortedPoints.map {
        [
          "requests_per_s": .number($0.requestsPerS), "goodput_requests_per_s": .number($0.goodputRequestsPerS),
          "worst_class_within_slo_ratio": .number($0.worstClassRatio),
          "worst_class_strict_ratio": .number($0.worstClassStrictRatio),
        ]
      })
  }
}
