/// How many tokens a request gets in one iteration, and who takes part: continuous batching (Orca) with chunked
/// prefill under one token budget (vLLM V1 scheduler; Sarathi-Serve, arXiv 2403.02310).
struct BatchPlanner: Codable, Sendable {
  /// The running requests that one walk over the running list serves.
  enum Pass: Sendable { case all, decodes, prefills }

  private let limits: EngineDescription.Limits
  private let inFlightRepeat: EngineDescription.InFlightRepeat
  let mayChunk: Bool
  var strategy: PolicyConfig.BatchStrategy
  var longPrefillTokens: Int
  /// Prompts up to this many tokens run whole, whatever else is in the iteration: Orca and FastServe know no chunks.
  /// Longer ones, which the engine does not take at once, have to be cut all the same.
  private let wholePromptTokens: Int
  private let tileTokens: Int

  init(engine: EngineDescription, policy: PolicyConfig) {
    limits = engine.limits
    inFlightRepeat = engine.inFlightRepeat
    mayChunk = engine.capabilities.contains(.chunk)
    strategy = policy.batchStrategy
    longPrefillTokens = policy.longPrefillTokens
    let hasChunks = policy.batchStrategy != .orca && (policy.batchStrategy != .ranked || policy.ordering != .mlfq)
    wholePromptTokens =
      !hasChunks ? min(engine.limits.stepTokens, policy.stepTokens ?? .max) : 0
    tileTokens = policy.batch.chunkTileTokens
  }

  /// Walks over the running list, in order: vLLM V1 serves everybody at once, Sarathi-Serve decodes first.
  func passes() -> [Pass] {
    switch strategy {
    case .decodeFirst, .decodeMaximal, .sliceLevel: Self.decodesThenPrefills
    case .continuous, .orca, .goodput, .ranked, .exerciser: Self.onePass
    }
  }

  /// Whether chunks fill one token budget, which tiles and the time that is left may cut further.
  var fillsBudget: Bool {
    switch strategy {
    case .continuous, .decodeFirst, .decodeMaximal, .sliceLevel: true
    case .orca, .goodput, .ranked, .exerciser: false
    }
  }

  /// An iteration takes one prompt's chunk beside its decodes (SARATHI, arXiv 2308.16369, decode-maximal batching).
  var takesOneChunk: Bool { strategy == .decodeMaximal }
  private static let onePass: [Pass] = [.all]
  private static let decodesThenPrefills: [Pass] = [.decodes, .prefills]

  func belongs(_ request: Request, to pass: Pass) -> Bool {
    switch pass {
    case .all: true
    case .decodes: request.isDecoding
    case .prefills: !request.isDecoding
    }
  }

  /// Whether a request decodes in this iteration whatever else is planned: `exclusion` and `tokens` in one, for a
  /// running request without drafts.
  @inline(__always)
  func mayDecode(_ request: Request) -> Bool {
    mayJoinDecodes(request) && !request.isBlocked
      && (limits.length <= 0 || request.computedTokens < limits.length)
  }

  /// Whether a request decodes and `exclusion` has nothing against it.
  @inline(__always)
  func mayJoinDecodes(_ request: Request) -> Bool {
    request.isDecoding && request.outputTokens < request.maxOutputTokens
      && (request.unsettledPlans == 0 || inFlightRepeat == .any)
  }

  /// Why a request has no work for this iteration whatever the budget; nil when it has.
  func exclusion(_ request: Request) -> Reason? {
    if request.outputTokens >= request.maxOutputTokens { return .pausedFinished(maxOutput: request.maxOutputTokens) }
    if request.remainingTokens <= 0 { return .pausedInFlight(plans: Int(request.unsettledPlans)) }
    guard request.unsettledPlans > 0 else { return nil }
    switch inFlightRepeat {
    case .any: return nil
    case .none: return .pausedInFlight(plans: Int(request.unsettledPlans))
    case .prefill: return request.remainingTokens > 1 ? nil : .pausedInFlight(plans: Int(request.unsettledPlans))
    }
  }

  /// Tokens of this iteration, `drafts` included: the least of what is left, the long-prefill limit, the budget and the
  /// engine's length limit. 0 when the budget does not allow any (or, without `chunk`, not all).
  /// `reason` says which limit cut a prefill.
  func tokens(for request: Request, wanted: Int, drafts: Int, budgetTokens: Int) -> (tokens: Int, reason: Reason?) {
    var count = wanted + drafts
    var reason: Reason?
    let mayChunk = mayChunk && wanted > wholePromptTokens
    if longPrefillTokens > 0, count > longPrefillTokens, mayChunk {
      count = longPrefillTokens
      reason = .chunkLongPrefill(tokens: count)
    }
    if count > budgetTokens {
      guard mayChunk || wanted == 1 else { return (0, .waitingBudget(tokens: budgetTokens)) }
      count = max(0, budgetTokens)
      reason = .chunkBudget(tokens: count)
    }
    if limits.length > 0 { count = min(count, max(0, limits.length - request.computedTokens)) }
    return (count, reason)
  }

  /// The part of a chunk that ends with a tile of the iteration. Whole prompts are not cut; nor is a chunk within a
  /// tile that is begun already, and paid for.
  /// - Parameters:
  ///   - tokens: of the chunk, at most `wanted`.
  ///   - wanted: what is left of the prompt.
  ///   - usedTokens: of the iteration so far.
  func tiled(_ tokens: Int, wanted: Int, usedTokens: Int) -> Int {
    guard tileTokens > 0, fillsBudget, mayChunk, tokens < wanted else { return tokens }
    let cut = (usedTokens + tokens) / tileTokens * tileTokens - usedTokens
    return cut > 0 ? cut : tokens
  }
}
