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

  @Test func mergingAndTakingAwayAreExact() {
    var whole = Histogram()
    var part = Histogram()
    var rest = Histogram()
    for value in 0..<500 {
      whole.add(value * 7)
      if value % 3 == 0 { part.add(value * 7) } else { rest.add(value * 7) }
    }
    var sum = part
    sum.merge(rest)
    #expect(sum == whole)
    for q in [0, 0.3, 0.5, 0.99, 1] { #expect(whole.quantile(q, excluding: part) == rest.quantile(q)) }
    #expect(whole.quantile(0.5, excluding: whole) == 0)
    var many = Histogram()
    many.add(7, count: 3)
    #expect(many.count == 3 && many.mean == 7)
  }
}
