/// What one iteration computes and how long the GPU takes for it.
struct IterationSample: Hashable {
  /// P, W, Kp, n, K, M as in `IterationFeatures`.
  var prefillTokens: Double
  var prefillPairs: Double
  var prefixTokens: Double
  var decodes: Double
  var decodeContextTokens: Double
  var longestContextTokens: Double
  var ms: Double
}
