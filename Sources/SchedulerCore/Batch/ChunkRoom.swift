/// What the prefill chunks of one iteration may take beside its tokens: the time that its decodes leave.
struct ChunkRoom: Codable, Sendable {
  /// All decodes of the iteration, counted before the first chunk is sized, and the chunks so far.
  private(set) var features = IterationFeatures()
  /// Longest that the iteration may be expected to take, in microseconds; nil: its time does not matter.
  private(set) var limitUs: Int?
  /// Chunks so far.
  private(set) var count = 0

  /// Starts an iteration.
  mutating func open(decodes: IterationFeatures = IterationFeatures(), limitUs: Int? = nil) {
    features = decodes
    self.limitUs = limitUs
    count = 0
  }

  mutating func take(tokens: Int, prefix: Int) {
    features.addPrefill(tokens: tokens, prefix: prefix)
    count += 1
  }

  /// The iteration with one more chunk.
  func with(tokens: Int, prefix: Int) -> IterationFeatures {
    var features = features
    features.addPrefill(tokens: tokens, prefix: prefix)
    return features
  }
}
