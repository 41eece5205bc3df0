/// Measured time of one kernel against a count of tokens or sequences: straight lines between the points; beyond the
/// last one, on with the slope of the last quarter.
struct KernelCurve {
  private let counts: [Double]
  private let times: [Double]
  private let endSlope: Double

  /// Several measurements of one count are averaged. - Parameter points: at least one.
  init(_ points: [(count: Int, us: Double)]) {
    var sums: [Int: (us: Double, n: Double)] = [:]
    for point in points {
      let old = sums[point.count] ?? (0, 0)
      sums[point.count] = (old.us + point.us, old.n + 1)
    }
    let sorted = sums.sorted { $0.key < $1.key }
    counts = sorted.map { Double($0.key) }
    times = sorted.map { $0.value.us / $0.value.n }
    let last = counts.count - 1
    let from = last * 3 / 4
    endSlope = from < last ? max(0, (times[last] - times[from]) / (counts[last] - counts[from])) : 0
  }

  /// Microseconds at `count`; below the first point its time.
  func us(_ count: Int) -> Double {
    let x = Double(count)
    guard let above = counts.firstIndex(where: { $0 >= x }) else {
      return times[times.count - 1] + endSlope * (x - counts[counts.count - 1])
    }
    guard above > 0 else { return times[0] }
    let share = (x - counts[above - 1]) / (counts[above] - counts[above - 1])
    return times[above - 1] + share * (times[above] - times[above - 1])
  }
}
