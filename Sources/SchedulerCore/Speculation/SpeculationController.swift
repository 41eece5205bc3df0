/// How many drafts each decoding request verifies: the policy's fixed number, within what the engine can do.
struct SpeculationController: Codable, Sendable {
  private let drafts: Int
  /// The engine takes one draft length for the whole batch, not one per request.
  let isPerBatch: Bool

  init(engine: EngineDescription, policy: PolicyConfig) {
    guard let drafter = engine.drafter, !engine.capabilities.isDisjoint(with: [.draftRequest, .draftBatch]) else {
      drafts = 0
      isPerBatch = false
      return
    }
    drafts = min(policy.draftTokens, drafter.kMax, SpeculationLimit.digitsMax)
    isPerBatch = !engine.capabilities.contains(.draftRequest)
  }

  var isOn: Bool { drafts > 0 }

  /// Draft length for the whole batch.
  var batchDrafts: Int { drafts }

  /// Drafts for one request: none while it prefills, and never more than it may still output after the sure token.
  func drafts(for request: Request) -> Int {
    guard drafts > 0, request.isRunning, request.isDecoding else { return 0 }
    return max(0, min(drafts, request.maxOutputTokens - request.outputTokens - 1))
  }
}
