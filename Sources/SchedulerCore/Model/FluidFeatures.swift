/// The features of an iteration as real numbers: a share of many requests, as bounds use it. Names as in
/// `IterationFeatures`; `prefillPairs` is W.
public struct FluidFeatures: Hashable, Sendable {
  public var prefillTokens: Double
  public var prefillPairs: Double
  public var prefixTokens: Double
  public var decodes: Double
  public var decodeContextTokens: Double
  public var longestContextTokens: Double
  public var shortContextTokens: Double

  public init(
    prefillTokens: Double, prefillPairs: Double, prefixTokens: Double = 0, decodes: Double, decodeContextTokens: Double,
    longestContextTokens: Double = 0, shortContextTokens: Double = 0
  ) {
    self.prefillTokens = prefillTokens
    self.prefillPairs = prefillPairs
    self.prefixTokens = prefixTokens
    self.decodes = decodes
    self.decodeContextTokens = decodeContextTokens
    self.longestContextTokens = longestContextTokens
    self.shortContextTokens = shortContextTokens
  }
}
