/// How far tuning is, for progress bars.
public struct TuningProgress: Sendable {
  public var finishedRequests: Int
  /// At most: a step that does not apply takes its requests off. nil before the first run.
  public var totalRequests: Int?
  /// What is simulated.
  public var note: String
}
