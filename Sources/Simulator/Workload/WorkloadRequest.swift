/// One request of a workload: what the engine is told on arrival, and the output length that it finds out.
public struct WorkloadRequest: Hashable, Sendable {
  public var id: String
  /// Microseconds since the workload's start.
  public var arrivalUs: Int64
  public var tenant: String
  /// Index into the workload's class mix.
  public var classIndex: Int
  public var promptTokens: Int
  /// Tokens that the request will produce; hidden from the scheduler.
  public var outputTokens: Int
  /// Identities of the prompt's leading blocks of `prefixBlockTokens` tokens each: equal ids, equal content.
  public var prefixBlocks: [UInt64] = []
  public var prefixBlockTokens = 16
  /// Identities of the full blocks after the prompt's, which the answer completes; they become reusable like the
  /// others.
  public var outputBlocks: [UInt64] = []
  /// The adapter it needs; -1 for none.
  public var adapter = -1
  /// The model it asks for, as an index into what the instances serve.
  public var model = 0
  /// What luck with drafts is drawn from; nil: from arrival and prompt.
  public var luck: UInt64?

  public init(
    id: String, arrivalUs: Int64, tenant: String, classIndex: Int, promptTokens: Int, outputTokens: Int
  ) {
    self.id = id
    self.arrivalUs = arrivalUs
    self.tenant = tenant
    self.classIndex = classIndex
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
  }
}
