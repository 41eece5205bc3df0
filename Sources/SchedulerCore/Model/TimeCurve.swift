/// Measured times against one quantity: straight lines between the points, the first time below them, and beyond the
/// last one on with the slope of the last two.
public struct TimeCurve: Hashable, Codable, Sendable {
  public let x: [Double]
  public let ms: [Double]

  /// - Parameters:
  ///   - x: at least one, ascending.
  ///   - ms: as many.
  public init?(x: [Double], ms: [Double]) {
    guard !x.isEmpty, x.count == ms.count, zip(x, x.dropFirst()).allSatisfy({ $0 < $1 }),
      (x + ms).allSatisfy({ $0.isFinite && $0 >= 0 })
    else { return nil }
    self.x = x
    self.ms = ms
  }

  public func ms(at value: Double) -> Double {
    guard x.count > 1, value > x[0] else { return ms[0] }
    var upper = 1
    while upper < x.count - 1, x[upper] < value { upper += 1 }
    let slope = (ms[upper] - ms[upper - 1]) / (x[upper] - x[upper - 1])
    return ms[upper - 1] + slope * (value - x[upper - 1])
  }
}
