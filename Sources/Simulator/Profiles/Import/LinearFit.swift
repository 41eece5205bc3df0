import SchedulerCore

/// The linear form fitted by least squares on relative error with coefficients of at least 0. There are at most 5
/// unknowns, so every set of them that is not 0 is tried: the smallest error among the feasible ones is the optimum.
enum LinearFit {
  private static let unknowns = 5

  static func fit(_ samples: [IterationSample]) -> IterationTimeModel.Coefficients {
    var equations = NormalEquations(count: unknowns)
    for sample in samples { equations.add(row(sample), -1) }
    let used = (0..<unknowns).filter { equations.diagonal($0) > 0 }
    var best: (gain: Double, x: [Double])?
    for subset in 1..<(1 << used.count) {
      let free = used.indices.filter { subset >> $0 & 1 == 1 }.map { used[$0] }
      guard let x = equations.solution(free: free, damping: 0), x.allSatisfy({ $0 >= 0 }) else { continue }
      // At the optimum of a subset the squared error is smaller by -J'r x than with all at 0.
      let gain = -zip(equations.gradient, x).reduce(0) { $0 + $1.0 * $1.1 }
      if gain > best?.gain ?? 0 { best = (gain, x) }
    }
    let x = best?.x ?? Array(repeating: 0, count: unknowns)
    return IterationTimeModel.Coefficients(a: x[0], b: x[1], c: x[2], d: x[3], e: x[4])
  }

  private static func row(_ sample: IterationSample) -> [Double] {
    [1, sample.prefillTokens, sample.prefillPairs, sample.decodes, sample.decodeContextTokens].map { $0 / sample.ms }
  }
}
