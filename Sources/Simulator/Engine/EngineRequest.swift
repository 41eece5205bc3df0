/// One request inside the reference engine.
struct EngineRequest {
  var work: WorkloadRequest
  /// Identities of the prompt's full blocks, at the engine's block size.
  var prefixKeys: [UInt64]
  /// Tokens with KV, launched iterations included.
  var computed = 0
  /// Output tokens, those of launched iterations included.
  var output = 0
  /// Output tokens whose values are known.
  var knownOutput = 0
  var isRunning = false
  var isLive = true
  /// Leading blocks held through the prefix cache.
  var sharedBlocks = 0
  var privateBlocks = 0
  var firstTokenUs: Int64?
  var lastTokenUs: Int64 = 0
  var maxGapUs: Int64 = 0
  var lateGaps = 0
  var preemptions = 0
  /// Position in the list that `spot` takes its turns from.
  var turn = 0

  init(work: WorkloadRequest, prefixKeys: [UInt64]) {
    self.work = work
    self.prefixKeys = prefixKeys
  }

  /// Tokens that are known or promised and have no KV yet.
  var remaining: Int { work.promptTokens + output - computed }

  var isDecoding: Bool { remaining == 1 && output > 0 }
}
