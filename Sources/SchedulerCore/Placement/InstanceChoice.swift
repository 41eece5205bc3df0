/// Which instance gets a new request, and the times that decided it.
public struct InstanceChoice: Hashable, Codable, Sendable {
  public enum Cause: String, Codable, Sendable {
    /// The sum of its times is the least.
    case leastTime = "least_time"
    /// Another had the same sum and less freeness, or the later id.
    case mostFree = "most_free"
  }

  /// Index into the views.
  public var index: Int
  public var cause: Cause
  public var transferUs: Int
  public var queueUs: Int
  public var prefillUs: Int
  /// Tokens of the prompt that need no prefill there, and those of them that come from another instance.
  public var hitTokens: Int
  public var transferredTokens: Int
  public var freenessTokens: Int

  public var totalUs: Int { transferUs + queueUs + prefillUs }

  public var description: String {
    "\(cause.rawValue): transfer \(transferUs) us, queue \(queueUs) us, prefill \(prefillUs) us; \(hitTokens) tokens "
      + "found, \(transferredTokens) of them elsewhere; freeness \(freenessTokens) tokens"
  }
}
