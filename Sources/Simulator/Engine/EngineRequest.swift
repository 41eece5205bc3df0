/// One request inside the reference engine: plain numbers only, so that the loops over a batch copy no references. Its
/// name and prefix live beside it in `EngineQueue`.
struct EngineRequest {
  /// Where its KV is.
  enum Residence: UInt8 { case gpu, cpu, ssd }

  var classIndex: Int
  /// Index into the engine's tenants.
  var tenant: Int
  /// -1 for none.
  var adapter: Int
  var model: Int
  var arrivalUs: Int64
  var promptTokens: Int
  /// Tokens that it will produce; only the engine knows.
  var wantedOutput: Int
  /// The same in every run: what luck with drafts is drawn from.
  var identity: UInt64
  /// Tokens with KV, launched iterations included.
  var computed = 0
  /// Tokens of its prompt that the cache held when it came.
  var expectedHitTokens = 0
  /// Output tokens, those of launched iterations included.
  var output = 0
  /// Output tokens whose values are known.
  var knownOutput = 0
  var isRunning = false
  var isLive = true
  /// Its prefix is on its way back, and it waits for that.
  var isBlocked = false
  var residence = Residence.gpu
  /// It lost its place on the GPU since its last token.
  var wasPreempted = false
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
  /// Most tokens that it had computed when it lost them.
  var lostTokens = 0
  /// Position in the list that `spot` takes its turns from.
  var turn = 0

  init(_ work: WorkloadRequest, tenant: Int) {
    classIndex = work.classIndex
    self.tenant = tenant
    adapter = work.adapter
    model = work.model
    arrivalUs = work.arrivalUs
    promptTokens = work.promptTokens
    wantedOutput = work.outputTokens
    identity =
      work.luck ?? (SeededRandom.mixed(UInt64(bitPattern: work.arrivalUs)) &+ UInt64(work.promptTokens))
  }

  /// Tokens that are known or promised and have no KV yet.
  var remaining: Int { promptTokens + output - computed }

  /// Prefill still to do, as far as can be told: a prefix that was cached on arrival counts as found.
  var prefillLeft: Int { max(0, remaining - (computed == 0 ? expectedHitTokens : 0)) }

  var isDecoding: Bool { remaining == 1 && output > 0 }
}
