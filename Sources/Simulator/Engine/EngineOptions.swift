import SchedulerCore

/// How the reference engine is built around a profile.
public struct EngineOptions: Hashable, Sendable {
  /// 1: synchronous; 2: the next plan is made while an iteration runs.
  public var inFlightMax = 1
  public var prefixCaching = true
  /// nil: the profile's.
  public var kvCapacityTokens: Int?
  public var stepTokens: Int?
  public var sequences: Int?
  public var overheadUs: Int?
  public var capabilities: Capabilities = [
    .order, .hold, .budget, .sequences, .chunk, .pause, .truncate, .requeue, .victimOrder, .abort,
  ]
  public var serverID = "reference-engine"
  public var bootID = "reference"

  public init() {}

  func description(_ profile: GPUProfile) -> EngineDescription {
    EngineDescription(
      name: "coxswain-engine", version: "1", serverID: serverID, engineBootID: bootID,
      model: .init(
        id: profile.modelID, parameters: profile.parameters,
        pools: [.init(blocks: max(1, (kvCapacityTokens ?? profile.kvCapacityTokens) / profile.kvBlockTokens))],
        kvGroups: [
          .init(
            pool: 0, blockTokens: profile.kvBlockTokens, bytesPerToken: profile.kvBytesPerToken, windowTokens: 0)
        ]), inFlightMax: inFlightMax,
      limits: .init(
        stepTokens: stepTokens ?? profile.stepTokens, sequences: sequences ?? profile.sequences,
        length: profile.length, adapters: 0, encoderTokens: 0), fullPromptMustFit: true,
      capabilities: capabilities)
  }
}
