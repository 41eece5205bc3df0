import SchedulerCore

/// What the measurements do not say, or say otherwise than they should.
public struct ProfileImportOptions: Hashable, Sendable {
  public var name: String?
  public var gpu: String?
  public var model: String?
  /// Path of the `config.json` that the model is published with.
  public var modelConfig: String?
  public var layers: Int?
  public var parameters: Int?
  public var kvBytesPerToken: Int?
  public var tensorParallel: Int?
  public var kvTokens: Int?
  public var memoryGiB: Double?
  public var memoryUtilization: Double?
  public var stepTokens: Int?
  public var sequences: Int?
  public var length: Int?
  /// The engine's own time per step: the constant fitted on the first 100 requests of a measured run of vLLM 0.19.0
  /// (Docs/simulation.md).
  public var overheadUs = 1_150
  public var form = IterationTimeModel.Form.roofline

  public init() {}
}
