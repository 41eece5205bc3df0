/// How long an iteration takes on one GPU and model: the ruler of every decision that looks at time.
///
/// With P, W, Kp, n, K, M as in `IterationFeatures` and pn(x, y) = (x^4 + y^4)^(1/4), a soft maximum:
/// * linear: `t = a + b P + c W + d n + e K`
/// * roofline: `t = a + pn(b0, b (P + n)) + pn(c W, g Kp) + d n + pn(e K, f M)`
/// * table: interpolated in measurements; the coefficients then are those of the linear form fitted to them
///
/// Linear and roofline add `h (n M - K)`, n without drafts: in a batch of unequal contexts the GPU waits a little for
/// the longest.
///
/// Iterations with and without prefill have coefficients of their own: attention kernels are slower per KV token when a
/// chunk shares the iteration. Coefficients are milliseconds of GPU time; `overheadUs` is the engine's own time per
/// step.
public struct IterationTimeModel: Codable, Hashable, Sendable {
  public enum Form: String, CaseIterable, Codable, Hashable, Sendable {
    case linear, roofline, table
  }

  /// Coefficients in milliseconds per feature unit; those that a form does not use are 0.
  public struct Coefficients: Codable, Hashable, Sendable {
    public var a: Double
    public var b0: Double
    public var b: Double
    public var c: Double
    public var g: Double
    public var d: Double
    public var e: Double
    public var f: Double
    public var h: Double

    public init(
      a: Double, b0: Double = 0, b: Double, c: Double, g: Double = 0, d: Double, e: Double, f: Double = 0,
      h: Double = 0
    ) {
      self.a = a
      self.b0 = b0
      self.b = b
      self.c = c
      self.g = g
      self.d = d
      self.e = e
      self.f = f
      self.h = h
    }
  }

  public var form: Form
  public var decodeOnly: Coefficients
  public var withPrefill: Coefficients
  /// Time of the engine per step beside the GPU's, in microseconds.
  public var overheadUs: Int
  /// Of the table form.
  public var table: IterationTimeTable?

  public init(
    form: Form, decodeOnly: Coefficients, withPrefill: Coefficients, overheadUs: Int, table: IterationTimeTable? = nil
  ) {
    self.table = table
    self.form = form
    self.decodeOnly = decodeOnly
    self.withPrefill = withPrefill
    self.overheadUs = overheadUs
  }

  /// Predicted time of an iteration, overhead included, in whole microseconds, never less than 1.
  public func elapsedUs(_ features: IterationFeatures) -> Int {
    let gpuMs = features.prefillTokens > 0 ? ms(features, withPrefill) : ms(features, decodeOnly)
    return max(1, Int(gpuMs * 1000 + 0.5) + overheadUs)
  }

  /// GPU time of a fluid iteration in milliseconds, by the coefficients for iterations with prefill.
  public func ms(_ features: FluidFeatures) -> Double { ms(features, withPrefill) }

  /// GPU time in milliseconds of an iteration without prefill.
  public func decodeMs(sequences: Double, contextTokens: Double) -> Double {
    ms(
      FluidFeatures(prefillTokens: 0, prefillPairs: 0, decodes: sequences, decodeContextTokens: contextTokens),
      decodeOnly)
  }

  private func ms(_ features: IterationFeatures, _ k: Coefficients) -> Double {
    ms(
      FluidFeatures(
        prefillTokens: Double(features.prefillTokens), prefillPairs: Double(features.doubledPrefillPairs) / 2,
        prefixTokens: Double(features.prefixTokens), decodes: Double(features.decodes),
        decodeContextTokens: Double(features.decodeContextTokens),
        longestContextTokens: Double(features.longestContextTokens),
        shortContextTokens: Double(features.shortContextTokens)), k)
  }

  private func ms(_ features: FluidFeatures, _ k: Coefficients) -> Double {
    if let table, form == .table { return table.ms(features) }
    let skewMs = k.h * features.shortContextTokens
    switch form {
    case .linear, .table:
      return k.a + skewMs + k.b * features.prefillTokens + k.c * features.prefillPairs + k.d * features.decodes
        + k.e * features.decodeContextTokens
    case .roofline:
      let compute = Self.softMax(k.b0, k.b * (features.prefillTokens + features.decodes))
      let prefillAttention = Self.softMax(k.c * features.prefillPairs, k.g * features.prefixTokens)
      let decodeAttention = Self.softMax(k.e * features.decodeContextTokens, k.f * features.longestContextTokens)
      return k.a + skewMs + compute + prefillAttention + k.d * features.decodes + decodeAttention
    }
  }

  private static func softMax(_ x: Double, _ y: Double) -> Double {
    let x2 = x * x
    let y2 = y * y
    return (x2 * x2 + y2 * y2).squareRoot().squareRoot()
  }

  /// A model of an engine about which only the size is known: a GPU of the A100's class that reads its weights once per
  /// iteration. Wrong by some factor, which measured times correct.
  public static func guess(_ engine: EngineDescription) -> IterationTimeModel {
    let billions = Double(max(1, engine.model.parameters)) / 1e9 / Double(max(1, engine.tp))
    let kvBytes = Double(engine.model.kvGroups.reduce(0) { $0 + $1.bytesPerToken })
    // 2 bytes per weight at 1.5 TB/s; 2 operations per weight and token at 200 TFLOP/s; KV at 1.2 TB/s.
    let k = Coefficients(
      a: 2, b0: billions * 2 / 1.5, b: billions * 2 / 200, c: 1e-6, d: 0.005, e: kvBytes / 1.2e9)
    return IterationTimeModel(form: .roofline, decodeOnly: k, withPrefill: k, overheadUs: 2_000)
  }
}
