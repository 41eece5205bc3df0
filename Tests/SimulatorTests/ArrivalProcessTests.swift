import Testing

@testable import Simulator

struct ArrivalProcessTests {
  private func gaps(_ process: ArrivalProcess, seed: UInt64, count: Int = 40_000) -> [Double] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in process.gapS(&random) }
  }

  /// Mean and coefficient of variation are what was asked for, for every process and seed.
  @Test(arguments: [
    (ArrivalProcess.Kind.poisson, 1.0), (.gamma, 0.5), (.gamma, 1.0), (.gamma, 3.0), (.weibull, 0.5), (.weibull, 1.0),
    (.weibull, 3.0),
  ])
  func gapsHaveTheMeanAndVariation(kind: ArrivalProcess.Kind, variation: Double) {
    for seed: UInt64 in [11, 12] {
      let gaps = gaps(ArrivalProcess(kind, ratePerS: 8, variation: variation), seed: seed)
      let mean = gaps.reduce(0, +) / Double(gaps.count)
      let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
      let found = variance.squareRoot() / mean
      // Standard error of the mean: cv / sqrt(n), and heavy tails need more room for the variance.
      let meanError = abs(mean * 8 - 1)
      let variationError = abs(found / variation - 1)
      #expect(meanError < 5 * variation / 200, "seed \(seed): mean \(mean)")
      #expect(variationError < 0.12, "seed \(seed): variation \(found)")
    }
  }

  /// Textbook values: k = 1 is exponential with cv 1; k = 2 is Rayleigh with cv sqrt(4 / pi - 1).
  @Test(arguments: [(1.0, 1.0), ((4 / Double.pi - 1).squareRoot(), 2.0), (5.0.squareRoot(), 0.5)])
  func weibullShapes(variation: Double, shape: Double) {
    let error = ArrivalProcess.weibullShape(variation: variation) / shape - 1
    #expect(abs(error) < 1e-9)
  }

  @Test func aPoissonProcessIgnoresTheVariation() {
    let process = ArrivalProcess(.poisson, ratePerS: 4, variation: 7)
    #expect(process == ArrivalProcess(.poisson, ratePerS: 4))
    #expect(process.variation == 1)
  }

  @Test func drawnArrivalsReplaceThoseOfTheGenerator() {
    var drawn = GeneratedWorkload(
      requests: 3_000, ratePerS: 1, mix: .standard, seed: 3,
      arrivals: ArrivalProcess(.gamma, ratePerS: 50, variation: 2))
    var last: Int64 = 0
    while let request = drawn.next() {
      #expect(request.arrivalUs >= last)
      last = request.arrivalUs
    }
    let seconds = Double(last) / 1_000_000
    #expect(abs(seconds - 60) < 12, "\(seconds)")
  }
}
