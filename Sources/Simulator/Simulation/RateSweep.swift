import SchedulerCore

/// Finds the capacity of a policy: the largest rate at which every class has its share of requests within SLO.
public struct RateSweep: Sendable {
  /// Every class must have this share of its requests within SLO.
  public static let shareWithinSLO = 0.99
  private static let doublingsMax = 12
  private static let bisections = 8

  /// What one sweep found.
  public struct Result: Sendable {
    /// Requests per second; 0 when even the lowest rate tried failed.
    public var capacityPerS: Double
    /// Every rate tried and whether it held, in order of trial.
    public var trials: [(ratePerS: Double, holds: Bool)]
  }

  public init() {}

  /// - Parameters:
  ///   - baseRatePerS: the workload's own rate.
  ///   - holds: whether a run at this scale of the rate has every class within SLO; nil ends the sweep early.
  public func run(baseRatePerS: Double, holds: (_ rateScale: Double) throws -> Bool?) rethrows -> Result {
    var trials: [(Double, Bool)] = []
    func trial(_ scale: Double) throws -> Bool? {
      guard let isGood = try holds(scale) else { return nil }
      trials.append((scale * baseRatePerS, isGood))
      return isGood
    }
    var low = 0.0
    var high = 1.0
    for _ in 0..<Self.doublingsMax {
      guard let isGood = try trial(high) else { return Result(capacityPerS: low * baseRatePerS, trials: trials) }
      if !isGood { break }
      low = high
      high *= 2
    }
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      guard let isGood = try trial(middle) else { break }
      if isGood { low = middle } else { high = middle }
    }
    return Result(capacityPerS: low * baseRatePerS, trials: trials)
  }
}
