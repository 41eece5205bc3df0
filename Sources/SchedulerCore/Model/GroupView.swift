/// One group of requests as people and metrics see it.
public struct GroupView: Hashable, Sendable {
  /// The policy's class; "" for the group of what has none of its own.
  public var className: String
  /// "" for the base model.
  public var adapter: String
  public var ttftSLOMs: Int
  public var tpotSLOMs: Int
  /// Requests that wait and could run.
  public var waiting: Int
  /// Prompt tokens that they still have to compute, and output tokens that are expected of them.
  public var promptTokens: Int
  public var outputTokens: Int
  /// Age of the oldest in microseconds; 0 while nobody waits.
  public var oldestUs: Int64
  /// Of a request of the group that arrives now.
  public var wait: WaitEstimate
  /// Share of those that wait whose first token is expected in time, in parts per million; a million while nobody does.
  public var inSLOPpm: Int
}
