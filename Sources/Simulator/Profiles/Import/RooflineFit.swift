import SchedulerCore

/// The roofline form fitted to relative errors with coefficients of at least 0. Small errors count squared and large
/// ones by their size (the smooth absolute value, from `softErrorScale` on), so that the far corners of a measured grid
/// do not bend the fit. Levenberg-Marquardt with the bounds kept by projection, from several starts, because the soft
/// maxima make valleys.
struct RooflineFit {
  static let iterationsMax = 200
  /// Samples that the choice between starts looks at.
  static let searchSamplesMax = 1500
  private static let searchIterations = 40
  private static let unknowns = 8
  private static let dampingStart = 1e-3
  private static let dampingMax = 1e12
  private static let enough = 1e-9
  private static let refinedStarts = 3
  private static let softErrorScale = 0.05

  private let samples: [IterationSample]

  /// The best coefficients, tried from many starts. - Parameter linear: the linear form's, from which the starts are
  /// made.
  static func fit(
    _ samples: [IterationSample], linear: IterationTimeModel.Coefficients
  ) -> IterationTimeModel.Coefficients {
    let stride = max(1, samples.count / searchSamplesMax)
    let few = RooflineFit(samples: samples.indices.filter { $0 % stride == 0 }.map { samples[$0] })
    let tried = starts(linear, samples).map { few.refine($0, iterations: searchIterations) }
    let all = RooflineFit(samples: samples)
    let refined = tried.sorted { $0.cost < $1.cost }.prefix(refinedStarts).map {
      all.refine($0.x, iterations: iterationsMax)
    }
    let x = refined.min { $0.cost < $1.cost }?.x ?? Array(repeating: 0, count: unknowns)
    return IterationTimeModel.Coefficients(
      a: x[0], b0: x[1], b: x[2], c: x[3], g: x[4], d: x[5], e: x[6], f: x[7])
  }

  /// Goes on from coefficients that are nearly right.
  static func refine(
    _ k: IterationTimeModel.Coefficients, _ samples: [IterationSample]
  ) -> IterationTimeModel.Coefficients {
    let x = RooflineFit(samples: samples).refine(
      [k.a, k.b0, k.b, k.c, k.g, k.d, k.e, k.f], iterations: iterationsMax
    ).x
    return IterationTimeModel.Coefficients(
      a: x[0], b0: x[1], b: x[2], c: x[3], g: x[4], d: x[5], e: x[6], f: x[7])
  }

  // MARK: - Starts

  /// Every unknown above 0, since the soft maxima are flat at 0; the floor takes a share of the linear constant.
  private static func starts(
    _ linear: IterationTimeModel.Coefficients, _ samples: [IterationSample]
  ) -> [[Double]] {
    func least(_ feature: (IterationSample) -> Double) -> Double {
      let total = samples.reduce(0) { $0 + feature($1) }
      return total > 0 ? 0.01 * samples.reduce(0) { $0 + $1.ms } / total : 0
    }
    let a = max(linear.a, least { _ in 1 })
    let b = max(linear.b, least { $0.prefillTokens + $0.decodes })
    let c = max(linear.c, least(\.prefillPairs))
    let d = max(linear.d, least(\.decodes))
    let e = max(linear.e, least(\.decodeContextTokens))
    let g = least(\.prefixTokens)
    let f = least(\.longestContextTokens)
    var starts: [[Double]] = []
    for floor in [0.2, 0.5, 0.8] {
      for width in [1.0, 10.0] {
        for reach in [1.0, 10.0] { starts.append([a * (1 - floor), a * floor, b, c, g * width, d, e, f * reach]) }
      }
    }
    return starts
  }

  // MARK: - Descent

  private func refine(_ start: [Double], iterations: Int) -> (x: [Double], cost: Double) {
    var x = start
    var (equations, cost) = linearized(x)
    var damping = Self.dampingStart
    for _ in 0..<iterations {
      var gained = 0.0
      while damping < Self.dampingMax {
        if let candidate = step(from: x, equations, damping) {
          let candidateCost = self.cost(candidate)
          if candidateCost < cost {
            gained = (cost - candidateCost) / cost
            x = candidate
            break
          }
        }
        damping *= 4
      }
      guard gained > Self.enough else { break }
      damping = max(damping / 8, 1e-12)
      (equations, cost) = linearized(x)
    }
    return (x, cost)
  }

  private func step(from x: [Double], _ equations: NormalEquations, _ damping: Double) -> [Double]? {
    let free = x.indices.filter { equations.diagonal($0) > 0 && (x[$0] > 0 || equations.gradient[$0] < 0) }
    guard let delta = equations.solution(free: free, damping: damping) else { return nil }
    return zip(x, delta).map { max(0, $0 + $1) }
  }

  private func cost(_ x: [Double]) -> Double {
    let k = IterationTimeModel.Coefficients(
      a: x[0], b0: x[1], b: x[2], c: x[3], g: x[4], d: x[5], e: x[6], f: x[7])
    return samples.reduce(0) { sum, sample in
      sum + Self.loss(IterationTimeModel.ms(sample, .roofline, k) / sample.ms - 1)
    }
  }

  private func linearized(_ x: [Double]) -> (NormalEquations, Double) {
    var equations = NormalEquations(count: Self.unknowns)
    var cost = 0.0
    var row = Array(repeating: 0.0, count: Self.unknowns)
    for sample in samples {
      let error = derive(x, sample, &row)
      // The loss as a square of its own: a weight on the row and on the error.
      let weight = 1 / Self.steepness(error).squareRoot()
      for i in row.indices { row[i] *= weight }
      equations.add(row, error * weight)
      cost += Self.loss(error)
    }
    return (equations, cost)
  }

  private static func steepness(_ error: Double) -> Double {
    let scaled = error / softErrorScale
    return (1 + scaled * scaled).squareRoot()
  }

  private static func loss(_ error: Double) -> Double { steepness(error) - 1 }

  /// Relative error of one sample; `row` gets its derivatives.
  private func derive(_ x: [Double], _ sample: IterationSample, _ row: inout [Double]) -> Double {
    let tokens = sample.prefillTokens + sample.decodes
    let dense = SoftMaximum(x[1], x[2] * tokens)
    let prefill = SoftMaximum(x[3] * sample.prefillPairs, x[4] * sample.prefixTokens)
    let decode = SoftMaximum(x[6] * sample.decodeContextTokens, x[7] * sample.longestContextTokens)
    let scale = 1 / sample.ms
    row[0] = scale
    row[1] = dense.byFirst * scale
    row[2] = dense.bySecond * tokens * scale
    row[3] = prefill.byFirst * sample.prefillPairs * scale
    row[4] = prefill.bySecond * sample.prefixTokens * scale
    row[5] = sample.decodes * scale
    row[6] = decode.byFirst * sample.decodeContextTokens * scale
    row[7] = decode.bySecond * sample.longestContextTokens * scale
    return (x[0] + dense.value + prefill.value + x[5] * sample.decodes + decode.value) * scale - 1
  }
}
