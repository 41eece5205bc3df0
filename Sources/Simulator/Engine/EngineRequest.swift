/// One request inside the reference engine: plain numbers only, so that the loops over a batch copy no references. Its
/// name, tenant and prefix live beside it in `EngineQueue`.
struct EngineRequest {
  var classIndex: Int
  var arrivalUs: Int64
  var promptTokens: Int
  /// Tokens that it will produce; only the engine knows.
  var wantedOutput: Int
  /// Tokens with KV, launched iterations included.
  var computed = 0
  /// Output tokens, those of launched iterations included.
  var output = 0
  /// Output tokens whose values are known.
  var knownOutput = 0
  var isRunning = false
  var isLive = true
  /// Launched iterations that are not settled and name it.
  var inFlight = 0
  /// Leading blocks held through the prefix cache.
  var sharedBlocks = 0
  var privateBlocks = 0
  /// -1 before the first token.
  var firstTokenUs: Int64 = -1
  var lastTokenUs: Int64 = 0
  var maxGapUs: Int64 = 0
  var lateGaps = 0
  var preemptions = 0
  /// Position in the list that `spot` takes its turns from.
  var turn = 0

  init(_ work: WorkloadRequest) {
    classIndex = work.classIndex
    arrivalUs = work.arrivalUs
    promptTokens = work.promptTokens
    wantedOutput = work.outputTokens
  }

  /// Tokens that are known or promised and have no KV yet.
  var remaining: Int { promptTokens + output - computed }

  var isDecoding: Bool { remaining == 1 && output > 0 }
}
