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
  private let rules: AdmissionRules
  private let headroomBlocks: Int
  /// Running and admitted requests whose prompts need more than one iteration, for `reserve_prompts`.
  private var partDone: ContiguousArray<Int32> = []

  init(engine: EngineDescription, policy: PolicyConfig) {
    fullPromptMustFit = engine.fullPromptMustFit
    rules = policy.admission
    let largest = engine.model.pools.map(\.blocks).max() ?? 0
    headroomBlocks = ceilDivide(largest * policy.admission.kvHeadroomPpm, 1_000_000)
  }

  /// Starts an iteration. O(running) where the policy reserves prompts.
  mutating func open(_ table: RequestTable) {
    guard rules.reservesPrompts else { return }
    partDone.removeAll(keepingCapacity: true)
    for slot in table.running where table.requests[Int(slot)].remainingTokens > 1 { partDone.append(slot) }
  }

  /// A request joined.
  mutating func note(_ slot: Int) {
    if rules.reservesPrompts { partDone.append(Int32(slot)) }
  }

  /// Blocks that the part-done prompts still need beyond what the plan gives them so far. O(part-done prompts).
  func promisedBlocks(_ table: RequestTable, _ draft: PlanDraft, _ budget: inout IterationBudget) -> Int {
    var blocks = 0
    for slot in partDone.lazy.map(Int.init) {
      let mark = draft.mark(of: slot)
      guard mark != .preempted else { continue }
      let request = table.requests[slot]
      let hit = request.isRunning ? 0 : request.remainingTokens - request.uncachedTokens
      let planned = request.computedTokens + hit + draft.plannedTokens(slot: slot)
      blocks += budget.growthBlocks(from: planned, to: request.promptTokens + request.outputTokens)
    }
    return blocks
  }

  /// Rules of vLLM V1's waiting loop, and the policy's own.
  /// - Parameters:
  ///   - sized: what the batch planner would give the request.
  ///   - promised: blocks that others have to get first, in the scarcest pool.
  func decide(
    _ request: Request, sized: (tokens: Int, reason: Reason?), budget: inout IterationBudget, runningCount: Int,
    promised: Int = 0
  ) -> Decision {
    guard budget.sequences > 0 else { return .stop(.waitingSequences(sequences: runningCount)) }
    guard budget.allows(adapter: request.adapter) else { return .skip(.adapterLimit(adapters: budget.adapterCount)) }
    guard sized.tokens > 0 else { return .stop(sized.reason ?? .waitingBudget(tokens: budget.tokens)) }
    let needsAll = fullPromptMustFit || rules.reservesPrompts
    let target = request.computedTokens + (needsAll ? request.remainingTokens : sized.tokens)
    // What was swapped out needs the blocks of all that it has computed again.
    let missing = budget.missingBlocks(
      from: request.isSwapped ? 0 : request.computedTokens, to: target, keepWatermark: runningCount > 0,
      kept: runningCount > 0 ? promised + (request.requeueSerial == 0 ? headroomBlocks : 0) : 0)
    guard missing == 0 else { return .stop(.waitingKV(missingBlocks: missing)) }
    return .admit(tokens: sized.tokens, chunk: sized.reason)
  }
}
