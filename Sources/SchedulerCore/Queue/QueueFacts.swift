/// What an ordering looks at beside the request itself: the policy's figures for it, and estimates.
struct QueueFacts: Sendable {
  /// Index into the policy's classes.
  var classIndex = 0
  var rank = 0
  /// Deadline of the first token after arrival.
  var ttftSLOMs = 0
  var classWeight = 1
  var tenantWeight = 1
  /// Output tokens still to come, as far as one can tell.
  var expectedOutputTokens = 0
  /// GPU time of the prefill still to do, in microseconds.
  var prefillUs: Int64 = 0
}
