/// What the requests of a window asked for: the input of `RolePlanner`.
public struct RoleLoad: Hashable, Codable, Sendable {
  /// Arrivals in 1,000 s.
  public var requestsPerKiloS: Int
  /// Means over the window's requests; prefix hits are part of the prompt.
  public var promptTokens: Int
  public var hitTokens: Int
  public var outputTokens: Int
  /// Output that 99 % of the requests exceed: the KV transfer weighs most on the short answers.
  public var shortOutputTokens: Int
  /// Of the tightest class.
  public var ttftSLOUs: Int
  public var tpotSLOUs: Int

  public init(
    requestsPerKiloS: Int, promptTokens: Int, hitTokens: Int = 0, outputTokens: Int, shortOutputTokens: Int,
    ttftSLOUs: Int, tpotSLOUs: Int
  ) {
    self.requestsPerKiloS = requestsPerKiloS
    self.promptTokens = promptTokens
    self.hitTokens = hitTokens
    self.outputTokens = outputTokens
    self.shortOutputTokens = shortOutputTokens
    self.ttftSLOUs = ttftSLOUs
    self.tpotSLOUs = tpotSLOUs
  }
}
