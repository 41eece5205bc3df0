import Testing

@testable import Simulator

struct HistogramTests {
  @Test func smallValuesAreExact() {
    var histogram = Histogram()
    for value in 0..<2_048 { histogram.add(value) }
    #expect(histogram.quantile(0) == 0)
    #expect(histogram.quantile(0.5) == 1_024)
    #expect(histogram.quantile(1) == 2_047)
    #expect(histogram.mean == 1_023.5)
  }

  @Test(arguments: 0..<10)
  func quantilesAreWithinAThousandth(index: Int) {
    let seed = UInt64(500 + index)
    var random = SeededRandom(seed: seed)
    var histogram = Histogram()
    var values: [Int] = []
    for _ in 0..<2_000 {
      let value = Int(random.logNormal(median: 50_000, sigma: 3))
      values.append(value)
      histogram.add(value)
    }
    values.sort()
    for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
      let exact = values[Int(q * 2_000)]
      #expect(abs(histogram.quantile(q) - exact) <= exact / 1_000 + 1, "seed \(seed), q \(q)")
    }
  }

  @Test func emptyIsZero() {
    #expect(Histogram().quantile(0.5) == 0)
    #expect(Histogram().mean == 0)
  }
}
