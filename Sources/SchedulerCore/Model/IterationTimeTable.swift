/// Iteration times interpolated in a table of measurements, as Splitwise's simulator does: prefill by its tokens,
/// decode by its sequences, both together by the prefill time of all tokens and a factor, and never less than the
/// decodes alone. Decode times are measured at one context length; what a longer context costs is a curve of its own.
public struct IterationTimeTable: Hashable, Codable, Sendable {
  /// Against prefill tokens in the iteration.
  public var prefill: TimeCurve
  /// Against sequences, each with `decodeContext` tokens.
  public var decode: TimeCurve
  public var decodeContext: Double
  /// Of one sequence, against its context tokens.
  public var context: TimeCurve
  /// Of an iteration with prefill and decodes, over the prefill time of all its tokens.
  public var mixedFactor: Double

  public init(
    prefill: TimeCurve, decode: TimeCurve, decodeContext: Double, context: TimeCurve, mixedFactor: Double
  ) {
    self.prefill = prefill
    self.decode = decode
    self.decodeContext = decodeContext
    self.context = context
    self.mixedFactor = mixedFactor
  }

  /// GPU time in milliseconds.
  public func ms(_ features: FluidFeatures) -> Double {
    guard features.decodes > 0 else { return prefill.ms(at: features.prefillTokens) }
    let more =
      context.ms(at: features.decodeContextTokens) - context.ms(at: features.decodes * decodeContext)
    let decodesMs = max(decode.ms[0], decode.ms(at: features.decodes) + more)
    guard features.prefillTokens > 0 else { return decodesMs }
    return max(decodesMs, prefill.ms(at: features.prefillTokens + features.decodes) * mixedFactor)
  }
}
