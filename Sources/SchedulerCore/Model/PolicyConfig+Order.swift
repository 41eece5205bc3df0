extension PolicyConfig {
  /// Whether waiting requests stand in the same order under both, so that none has to be put in line anew. Members that
  /// are not named here are taken to matter.
  func keepsOrder(of other: PolicyConfig) -> Bool {
    var same = self
    same.name = other.name
    same.stepTokens = other.stepTokens
    same.sequences = other.sequences
    same.longPrefillTokens = other.longPrefillTokens
    same.watermarkPpm = other.watermarkPpm
    same.eviction = other.eviction
    same.victimOrder = other.victimOrder
    same.draftTokens = other.draftTokens
    same.holdUs = other.holdUs
    same.batch = other.batch
    return same == other
  }
}
