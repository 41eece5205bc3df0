/// What one instance looks like to whoever places a request. A value: of this host or, later, told by a peer.
public struct InstanceView: Hashable, Codable, Sendable {
  public var id: String
  public var model: String
  /// Whether it takes new prompts: false for instances that only decode, or that end.
  public var takesPrompts: Bool
  /// Time until the prefill that waits there is done.
  public var queuedPrefillUs: Int
  public var runningRequests: Int
  /// KV tokens that can be had, evictable ones included.
  public var kvFreeTokens: Int
  /// Tokens that the request at the head of its queue waits for; 0 for an empty queue.
  public var headDemandTokens: Int
  /// Tokens of the new request's prompt that its cache holds.
  public var hitTokens: Int
  /// Prefill of one token, and the transfer of one token's KV to it from another instance.
  public var prefillNsPerToken: Int
  public var transferNsPerToken: Int

  public init(
    id: String, model: String = "", takesPrompts: Bool = true, queuedPrefillUs: Int = 0, runningRequests: Int = 0,
    kvFreeTokens: Int, headDemandTokens: Int = 0, hitTokens: Int = 0, prefillNsPerToken: Int,
    transferNsPerToken: Int = 0
  ) {
    self.id = id
    self.model = model
    self.takesPrompts = takesPrompts
    self.queuedPrefillUs = queuedPrefillUs
    self.runningRequests = runningRequests
    self.kvFreeTokens = kvFreeTokens
    self.headDemandTokens = headDemandTokens
    self.hitTokens = hitTokens
    self.prefillNsPerToken = prefillNsPerToken
    self.transferNsPerToken = transferNsPerToken
  }

  /// Llumnix (Sun et al., OSDI 2024): capacity less the virtual usage, over the batch. What waits at the head counts as
  /// used, so that it may be negative.
  public var freenessTokens: Int { (kvFreeTokens - headDemandTokens) / max(1, runningRequests) }
}
