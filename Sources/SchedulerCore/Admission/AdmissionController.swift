/// Whether a waiting request may join this iteration. The engine is the authority: admission may still fail there
/// (Docs/wire.md, session rule 14).
struct AdmissionController: Codable, Sendable {
  enum Decision: Sendable {
    case admit(tokens: Int, chunk: Reason?)
    /// This one cannot join, the next may (vLLM V1 skips requests held by adapters).
    case skip(Reason)
    /// Nobody behind it is looked at (vLLM V1: head of line, no skipping).
    case stop(Reason)
  }

  /// Candidates looked at in one iteration beyond those admitted.
  static let skipWindow = 64

  private let fullPromptMustFit: Bool

  init(engine: EngineDescription) { fullPromptMustFit = engine.fullPromptMustFit }

  /// Rules of vLLM V1's waiting loop. `sized` is what the batch planner would give the request.
  func decide(
    _ request: Request, sized: (tokens: Int, reason: Reason?), budget: inout IterationBudget,
    runningCount: Int
  ) -> Decision {
    guard budget.sequences > 0 else { return .stop(.waitingSequences(sequences: runningCount)) }
    guard budget.allows(adapter: request.adapter) else { return .skip(.adapterLimit(adapters: budget.adapterCount)) }
    guard sized.tokens > 0 else { return .stop(sized.reason ?? .waitingBudget(tokens: budget.tokens)) }
    let target = fullPromptMustFit ? request.remainingTokens : sized.tokens
    let missing = budget.missingBlocks(
      from: request.computedTokens, to: request.computedTokens + target, keepWatermark: runningCount > 0)
    guard missing == 0 else { return .stop(.waitingKV(missingBlocks: missing)) }
    return .admit(tokens: sized.tokens, chunk: sized.reason)
  }
}
