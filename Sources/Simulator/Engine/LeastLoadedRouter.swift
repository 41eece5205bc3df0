import SchedulerCore

/// The instance with the fewest requests, the first among equals.
public struct LeastLoadedRouter: Router {
  public init() {}

  public mutating func choose(
    _ request: WorkloadRequest, among candidates: [Int], load: (Int) -> Int, view: (Int) -> InstanceView
  ) -> Int {
    var best = candidates[0]
    for candidate in candidates.dropFirst() where load(candidate) < load(best) { best = candidate }
    return best
  }
}
