/// A settled iteration: what it computed and how long it took. What time estimates learn from.
public struct IterationObservation: Codable, Hashable, Sendable {
  public var features: IterationFeatures
  /// From launch, or the previous result if that came later, to the result; microseconds.
  public var elapsedUs: Int64

  public init(features: IterationFeatures, elapsedUs: Int64) {
    self.features = features
    self.elapsedUs = elapsedUs
  }
}
