/// Mean prompt and answer of a workload of one kind, in tokens.
public struct WorkloadLengths: Hashable, Sendable {
  public var promptTokens: Int
  public var outputTokens: Int

  public init(promptTokens: Int, outputTokens: Int) {
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
  }
}
