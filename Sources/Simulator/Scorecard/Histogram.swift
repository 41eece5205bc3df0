/// Counts of non-negative integers with a relative error below 0.1 %: memory does not grow with the number of values.
///
/// Values below 2,048 are exact; above, each power of two has 1,024 buckets (the idea of HdrHistogram).
public struct Histogram: Hashable, Sendable {
  private static let exactBits = 11
  private static let halfBuckets = 1 << (exactBits - 1)

  private var counts: [Int] = []
  public private(set) var count = 0
  private var sum = 0.0
  public private(set) var max = 0

  public init() {}

  public mutating func add(_ value: Int, count added: Int = 1) {
    guard added > 0 else { return }
    let value = Swift.max(0, value)
    let index = Self.index(value)
    if index >= counts.count { counts.append(contentsOf: repeatElement(0, count: index + 1 - counts.count)) }
    counts[index] += added
    count += added
    sum += Double(value) * Double(added)
    max = Swift.max(max, value)
  }

  /// Adds all the values of another histogram.
  mutating func merge(_ other: Histogram) {
    if other.counts.count > counts.count {
      counts.append(contentsOf: repeatElement(0, count: other.counts.count - counts.count))
    }
    for (index, added) in other.counts.enumerated() { counts[index] += added }
    count += other.count
    sum += other.sum
    max = Swift.max(max, other.max)
  }

  public var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// The value at rank `floor(q * count)` of the sorted values, as numpy's "higher"-like pick; 0 when empty.
  public func quantile(_ q: Double) -> Int {
    guard count > 0 else { return 0 }
    let rank = min(count - 1, Int(q * Double(count)))
    var seen = 0
    for (index, bucket) in counts.enumerated() {
      seen += bucket
      if seen > rank { return min(max, Self.middle(index)) }
    }
    return max
  }

  /// The same without the values of `part`, all of which are in this histogram too.
  func quantile(_ q: Double, excluding part: Histogram) -> Int {
    let rest = count - part.count
    guard rest > 0 else { return 0 }
    let rank = min(rest - 1, Int(q * Double(rest)))
    var seen = 0
    for (index, bucket) in counts.enumerated() {
      seen += bucket - (index < part.counts.count ? part.counts[index] : 0)
      if seen > rank { return min(max, Self.middle(index)) }
    }
    return max
  }

  /// Values at `steps + 1` evenly spaced ranks, smallest first, largest last; empty when there are no values.
  func quantiles(steps: Int) -> [Int] {
    guard count > 0 else { return [] }
    return (0...steps).map { quantile(Double($0) / Double(steps)) }
  }

  private static func index(_ value: Int) -> Int {
    let shift = Swift.max(0, Int.bitWidth - value.leadingZeroBitCount - exactBits)
    return shift * halfBuckets + value >> shift
  }

  private static func middle(_ index: Int) -> Int {
    guard index >= 2 * halfBuckets else { return index }
    let shift = index / halfBuckets - 1
    let low = (index - shift * halfBuckets) << shift
    return low + (1 << shift) / 2
  }
}
