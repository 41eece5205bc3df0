import Testing

@testable import SchedulerCore

struct IterationTimeModelTests {
  private let linear = IterationTimeModel(
    form: .linear,
    decodeOnly: .init(a: 5, b: 0, c: 0, d: 0.01, e: 0.0001),
    withPrefill: .init(a: 6, b: 0.02, c: 0.000001, d: 0.01, e: 0.0002),
    overheadUs: 2000)

  @Test func decodeOnlyIterationsHaveTheirOwnCoefficients() {
    var features = IterationFeatures()
    features.addDecode(context: 1000)
    features.addDecode(context: 3000)
    // 5 + 2 * 0.01 + 4000 * 0.0001 = 5.42 ms, and 2 ms of overhead.
    #expect(linear.elapsedUs(features) == 7420)
  }

  @Test func aChunkMovesTheWholeIterationToTheOtherCoefficients() {
    var features = IterationFeatures()
    features.addDecode(context: 1000)
    features.addPrefill(tokens: 100, prefix: 400)
    // W = 100 * (400 + 50) = 45,000; 6 + 2 + 0.045 + 0.01 + 0.2 = 8.255 ms, and 2 ms of overhead.
    #expect(linear.elapsedUs(features) == 10255)
    #expect(features.prefixTokens == 400)
  }

  @Test func rooflineTakesTheSoftMaximumOfItsTerms() {
    let roofline = IterationTimeModel(
      form: .roofline,
      decodeOnly: .init(a: 1, b0: 3, b: 1, c: 0, g: 0, d: 0, e: 0.002, f: 0.001),
      withPrefill: .init(a: 1, b0: 3, b: 0.04, c: 0.0001, g: 0.002, d: 0, e: 0, f: 0),
      overheadUs: 0)
    var decode = IterationFeatures()
    for _ in 0..<4 { decode.addDecode(context: 500) }
    // pn(3, 4) = 337^(1/4) = 4.28458; pn(4, 0.5) = 4.00024.
    #expect(roofline.elapsedUs(decode) == 9285)
    var mixed = IterationFeatures()
    mixed.addPrefill(tokens: 100, prefix: 0)
    // pn(3, 4) = 4.28458; W = 5,000: pn(0.5, 0) = 0.5.
    #expect(roofline.elapsedUs(mixed) == 5785)
  }
}
