/// A settled iteration: what it computed and how long it took. What time estimates learn from.
public struct IterationObservation: Codable, Hashable, Sendable {
  public var features: IterationFeatures
  /// From launch, or the previous result if that came later, to the result; microseconds.
  public var elapsedUs: Int64

  /// Levels of the deepest drafts that it verified: steps of the drafter.
  public var draftDepth: Int
  /// Drafts that were right, over all requests.
  public var acceptedDrafts: Int
  /// Adapters that it is believed to have waited for.
  public var adapterLoads: Int

  public init(
    features: IterationFeatures, elapsedUs: Int64, draftDepth: Int = 0, acceptedDrafts: Int = 0, adapterLoads: Int = 0
  ) {
    self.features = features
    self.elapsedUs = elapsedUs
    self.draftDepth = draftDepth
    self.acceptedDrafts = acceptedDrafts
    self.adapterLoads = adapterLoads
  }
}
