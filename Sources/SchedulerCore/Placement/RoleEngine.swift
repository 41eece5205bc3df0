/// One of two or more like engines among which roles are divided.
public struct RoleEngine: Hashable, Codable, Sendable {
  public var time: IterationTimeModel
  public var kvCapacityTokens: Int
  public var kvBytesPerToken: Int
  /// Of KV from a prefill to a decode engine, in bytes per second; 0: transfers take no time.
  public var transferBytesPerS: Int
  /// Its scheduler cuts prompts so that iterations keep the time between tokens (`goodput`, `qoserve`); otherwise whole
  /// prompts run beside decodes.
  public var isPaced: Bool

  public init(
    time: IterationTimeModel, kvCapacityTokens: Int, kvBytesPerToken: Int, transferBytesPerS: Int, isPaced: Bool
  ) {
    self.time = time
    self.kvCapacityTokens = kvCapacityTokens
    self.kvBytesPerToken = kvBytesPerToken
    self.transferBytesPerS = transferBytesPerS
    self.isPaced = isPaced
  }
}
