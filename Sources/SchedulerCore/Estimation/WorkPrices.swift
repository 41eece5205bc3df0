/// What work costs in an iteration that is full anyway, as measured so far: a handful of plain numbers, so that loops
/// over requests can hold them. Made by `TimeEstimator`, anew with every measurement.
struct WorkPrices: Codable, Sendable {
  /// Time of an iteration beside its work, in microseconds.
  var fixedUs: Double
  /// Milliseconds per prefill token, and per pair that its attention reads.
  var prefillMs: Double
  var pairMs: Double
  /// Milliseconds per decoded token, and per token of its context.
  var decodeMs: Double
  var contextMs: Double
  /// Measured over predicted time.
  var factor: Double

  /// Prefix tokens at which a prompt token's attention costs as much as everything else of it; 0: it costs nothing.
  var attentionTokens: Int { pairMs > 0 ? Int(min(prefillMs / pairMs, Double(Int32.max))) : 0 }

  /// GPU time that `tokens` more prefill tokens after `prefix` tokens cost, spread over however many iterations, in
  /// microseconds.
  @inline(__always)
  func prefillUs(tokens: Int, prefix: Int) -> Double {
    let tokens = Double(tokens)
    let pairs = tokens * (Double(prefix) + tokens / 2)
    return (prefillMs * tokens + pairMs * pairs) * 1000 * factor
  }

  /// GPU time of one decoded token with `context` tokens before it, in microseconds.
  @inline(__always)
  func decodeUs(context: Int) -> Double { (decodeMs + contextMs * Double(context)) * 1000 * factor }
}
