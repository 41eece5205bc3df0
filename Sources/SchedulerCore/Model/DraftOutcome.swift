/// What became of one request's drafts in a settled iteration.
public struct DraftOutcome: Hashable, Codable, Sendable {
  public var slot: Int32
  public var serial: RequestSerial
  /// Drafts that were verified, at least 1.
  public var drafted: Int
  /// How they lay.
  public var shape: DraftShape
  /// Those of them that were right; the token that follows them comes on top.
  public var accepted: Int
  /// Output tokens of the request that are settled, those of this iteration included.
  public var deliveredTokens: Int

  public init(
    slot: Int32, serial: RequestSerial, drafted: Int, shape: DraftShape = .chain, accepted: Int, deliveredTokens: Int
  ) {
    self.slot = slot
    self.serial = serial
    self.drafted = drafted
    self.shape = shape
    self.accepted = accepted
    self.deliveredTokens = deliveredTokens
  }
}
