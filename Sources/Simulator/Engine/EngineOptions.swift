import SchedulerCore

/// How the reference engine is built around a profile.
public struct EngineOptions: Hashable, Sendable {
  /// 1: synchronous; 2: the next plan is made while an iteration runs.
  public var inFlightMax = 1
  public var prefixCaching = true
  /// Tells the scheduler each request's true output length as its limit: for clairvoyant baselines.
  public var knownOutputLengths = false
  /// Gives the scheduler the profile's iteration times to start from; otherwise it guesses and learns.
  public var tellsIterationTimes = true
  /// What it is told is the profile's iteration times multiplied by this.
  public var timeModelBias = 1.0
  /// nil: the profile's.
  public var kvCapacityTokens: Int?
  public var blockTokens: Int?
  public var stepTokens: Int?
  public var sequences: Int?
  public var overheadUs: Int?
  /// nil: KV cannot leave the GPU.
  public var swap: SwapOptions?
  /// nil: the engine keeps its prefix cache to itself.
  public var prefix: PrefixOptions?
  /// nil: no drafter.
  public var speculation: SpeculationOptions?
  /// The same drafts for all requests of an iteration.
  public var draftsPerBatch = false
  /// nil: no adapters.
  public var adapters: AdapterOptions?
  public var role = EngineRole.both
  public var capabilities: Capabilities = [
    .order, .hold, .budget, .sequences, .chunk, .pause, .truncate, .requeue, .victimOrder, .abort,
  ]
  /// Of the hidden acceptance of drafts.
  public var seed: UInt64 = 1
  public var serverID = "reference-engine"
  public var bootID = "reference"

  public init() {}

  func description(_ profile: GPUProfile) -> EngineDescription {
    let blockTokens = blockTokens ?? profile.kvBlockTokens
    return EngineDescription(
      name: "coxswain-engine", version: "1", serverID: serverID, engineBootID: bootID,
      model: .init(
        id: profile.modelID, parameters: profile.parameters,
        pools: [.init(blocks: max(1, (kvCapacityTokens ?? profile.kvCapacityTokens) / blockTokens))],
        kvGroups: [
          .init(
            pool: 0, blockTokens: blockTokens, bytesPerToken: profile.kvBytesPerToken, windowTokens: 0)
        ]), inFlightMax: inFlightMax,
      limits: .init(
        stepTokens: stepTokens ?? profile.stepTokens, sequences: sequences ?? profile.sequences,
        length: profile.length, adapters: adapters?.resident ?? 0, encoderTokens: 0),
      drafter: speculation.map(drafter), fullPromptMustFit: true,
      capabilities: verbs, prefixCache: prefixCache(blockTokens, profile))
  }

  private func prefixCache(_ blockTokens: Int, _ profile: GPUProfile) -> EngineDescription.PrefixCache? {
    guard prefixCaching, let prefix else { return nil }
    let unitTokens = max(1, prefix.unitTokens / blockTokens) * blockTokens
    return EngineDescription.PrefixCache(
      blockTokens: unitTokens, tierBlocks: prefix.tierBytes / max(1, unitTokens * profile.kvBytesPerToken))
  }

  private func drafter(_ speculation: SpeculationOptions) -> EngineDescription.Drafter {
    .init(
      kMax: speculation.draftsMax, per: draftsPerBatch ? .batch : .request,
      tree: speculation.tree.map { .init(widthMax: $0.widthMax, nodesMax: $0.nodesMax) })
  }

  private var verbs: Capabilities {
    var verbs = capabilities
    if let swap, swap.cpuBytes > 0 { verbs.insert(.swapCPU) }
    if let swap, swap.ssdBytes > 0 { verbs.insert(.swapSSD) }
    if speculation != nil { verbs.insert(draftsPerBatch ? .draftBatch : .draftRequest) }
    if prefixCaching, let prefix { verbs.formUnion(prefix.verbs) }
    return verbs
  }
}
