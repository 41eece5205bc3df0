/// A settled iteration with drafts beside what was predicted of it: what the cost and the gain of drafts are learned
/// from. Times in microseconds.
public struct DraftedIteration: Hashable, Codable, Sendable {
  public var elapsedUs: Double
  /// Predicted time of the model for all its tokens, drafts included; the drafter's own time is not in it.
  public var verifyUs: Double
  /// Predicted time of the same iteration without drafts.
  public var plainUs: Double
  /// Predicted time of its decodes alone, without drafts and prefills.
  public var decodeUs: Double
  /// Levels of the deepest drafts: steps of the drafter.
  public var depth: Int
  /// Sequences that decoded.
  public var sequences: Int
  /// Drafts that were right, over all requests.
  public var accepted: Int
}
