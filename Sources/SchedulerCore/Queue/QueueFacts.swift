/// What an ordering looks at beside the request itself: the policy's figures for it, and estimates.
struct QueueFacts: Sendable {
  /// Index into the policy's classes.
  var classIndex = 0
  var rank = 0
  /// Deadline of the first token after arrival.
  var ttftSLOMs = 0
  var tpotSLOMs = 0
  var classWeight = 1
  var tenantWeight = 1
  /// Output tokens still to come, as far as one can tell.
  var expectedOutputTokens = 0
  /// GPU time of the prefill still to do, in microseconds.
  var prefillUs: Int64 = 0
  /// Time of an iteration beside its work, in microseconds.
  var fixedUs: Int64 = 0
  /// GPU time of all the output that the request may still make, in microseconds; for clairvoyant orderings only.
  var decodeUs: Int64 = 0
  /// Place among the others, for orderings whose keys come from ranks.
  var rankKey = SlotHeap.Key(0)
}
