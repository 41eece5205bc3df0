/// Iteration times learned from nothing but measurements: a line in the features of an iteration, with bends in the
/// number of its tokens, since an iteration that reads all weights anyway takes its first tokens for nothing.
///
/// Non-negative recursive least squares: measurements are summed up in the normal equations, old ones fading, relative
/// errors counting; each new one moves the coefficients by a few sweeps of coordinate descent, held to where they were
/// as firmly as a coefficient of its kind is known beforehand. What the measurements say nothing about stays as it was.
///
/// Doubles live in here only.
struct LearnedTimeModel: Codable, Sendable {
  /// Tokens of an iteration at which the line may bend upwards.
  static let bendTokens = (128.0, 256.0, 512.0)
  /// An older measurement counts for this share of the one after it.
  static let fading = 0.999
  /// Relative error that a measurement is expected to have.
  static let expectedError = 0.05
  /// Beyond this relative error a measurement counts for less, once the first ones are in.
  static let outlierError = 0.3
  static let firstObservations = 16
  /// So many outliers in a row are none.
  static let outliersMost = 8
  static let sweeps = 4
  private static let typicalGain = 0.05
  /// How far a coefficient may be from the first guess, in milliseconds per unit of its feature: between the fastest
  /// GPU and a CPU.
  private static let spread = SIMD8<Double>(10, 0.1, 0.05, 0.05, 0.05, 0.2, 2e-4, 1e-5)

  /// Milliseconds per iteration, token, token beyond each of three bends, decoded token, context token of the decodes,
  /// and pair that a prefill's attention reads.
  private(set) var coefficients: SIMD8<Double>
  private var normal = [SIMD8<Double>](repeating: .zero, count: 8)
  private var moments = SIMD8<Double>.zero
  private var observations = 0
  private var outliers = 0
  /// Mean number of tokens of the iterations measured.
  private var typicalTokens = 0.0

  /// - Parameter guess: coefficients to begin with.
  init(_ guess: IterationTimeModel.Coefficients, overheadUs: Int) {
    coefficients = SIMD8(
      guess.a + guess.b0 + Double(overheadUs) / 1000, guess.b, 0, 0, 0, guess.d, guess.e, guess.c)
  }

  private static func vector(_ features: IterationFeatures) -> SIMD8<Double> {
    let tokens = Double(features.prefillTokens + features.decodes)
    return SIMD8(
      1, tokens, max(0, tokens - bendTokens.0), max(0, tokens - bendTokens.1), max(0, tokens - bendTokens.2),
      Double(features.decodes), Double(features.decodeContextTokens), Double(features.doubledPrefillPairs) / 2)
  }

  /// Time of an iteration in microseconds, the engine's own included.
  @inline(__always)
  func elapsedUs(_ features: IterationFeatures) -> Double {
    max(1, (coefficients * Self.vector(features)).sum() * 1000)
  }

  /// Slope per token at the usual size of an iteration, in milliseconds.
  var tokenMs: Double {
    var slope = coefficients[1]
    if typicalTokens > Self.bendTokens.0 { slope += coefficients[2] }
    if typicalTokens > Self.bendTokens.1 { slope += coefficients[3] }
    if typicalTokens > Self.bendTokens.2 { slope += coefficients[4] }
    return slope
  }

  /// Time of an iteration beside its tokens, by the slope at the usual size, in milliseconds.
  var fixedMs: Double {
    var fixed = coefficients[0]
    if typicalTokens > Self.bendTokens.0 { fixed -= coefficients[2] * Self.bendTokens.0 }
    if typicalTokens > Self.bendTokens.1 { fixed -= coefficients[3] * Self.bendTokens.1 }
    if typicalTokens > Self.bendTokens.2 { fixed -= coefficients[4] * Self.bendTokens.2 }
    return max(0, fixed)
  }

  /// Time of one pair that a prefill's attention reads, in milliseconds.
  var pairMs: Double { coefficients[7] }

  /// Time of one decoded token, in milliseconds, and of one token of its context.
  var decodeMs: Double { tokenMs + coefficients[5] }
  var contextMs: Double { coefficients[6] }

  mutating func observe(_ features: IterationFeatures, elapsedUs: Int64) {
    let x = Self.vector(features)
    let ms = Double(elapsedUs) / 1000
    let deviation = Self.expectedError * ms
    let weight = trust(in: ms, predicted: (coefficients * x).sum()) / (deviation * deviation)
    for row in 0..<8 { normal[row] = normal[row] * Self.fading + x * (x[row] * weight) }
    moments = moments * Self.fading + x * (ms * weight)
    observations += 1
    typicalTokens += (observations == 1 ? 1 : Self.typicalGain) * (x[1] - typicalTokens)
    descend()
  }

  /// 1 for a measurement to be expected, less for one that is not.
  private mutating func trust(in ms: Double, predicted: Double) -> Double {
    let error = abs(predicted - ms) / ms
    guard error > Self.outlierError else {
      outliers = 0
      return 1
    }
    outliers += 1
    return observations < Self.firstObservations || outliers > Self.outliersMost ? 1 : Self.outlierError / error
  }

  /// A few sweeps towards the least squares, no coefficient below 0.
  private mutating func descend() {
    let anchors = coefficients
    for _ in 0..<Self.sweeps {
      for index in 0..<8 {
        let hold = 1 / (Self.spread[index] * Self.spread[index])
        let own = normal[index][index]
        let rest = (normal[index] * coefficients).sum() - own * coefficients[index]
        coefficients[index] = max(0, (moments[index] - rest + hold * anchors[index]) / (own + hold))
      }
    }
  }
}
