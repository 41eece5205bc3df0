/// What one iteration offers to drafts. Times in microseconds.
public struct DraftConditions: Hashable, Codable, Sendable {
  /// Predicted time of the iteration as it is without drafts.
  public var plainUs: Double
  /// What one more token to verify adds.
  public var tokenUs: Double
  /// What a sequence's part in an iteration is worth: what each token saves that it need not be in one for. nil: its
  /// share of this iteration's decodes, `decodeUs` over their number, drafts included.
  public var shareUs: Double?
  /// Predicted time of the decodes alone.
  public var decodeUs: Double
  /// Most tokens to verify.
  public var tokensMost: Int
  /// Longest time that the iteration may take.
  public var limitUs: Double

  public init(
    plainUs: Double, tokenUs: Double, decodeUs: Double, shareUs: Double? = nil, tokensMost: Int,
    limitUs: Double = .infinity
  ) {
    self.plainUs = plainUs
    self.tokenUs = tokenUs
    self.decodeUs = decodeUs
    self.shareUs = shareUs
    self.tokensMost = tokensMost
    self.limitUs = limitUs
  }
}
