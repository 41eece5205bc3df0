/// How far a run is, for progress bars.
public struct RunProgress: Sendable {
  public var finishedRequests: Int
  /// nil when only the end of the workload tells.
  public var totalRequests: Int?
  public var iterations: Int
  public var virtualUs: Int64
  public var wallUs: Int
}
