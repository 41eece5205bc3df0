import SchedulerCore

/// Which instance serves a request. The seam for placement across instances: a router sees loads and views, never
/// requests of others, and decides once, on arrival.
public protocol Router {
  /// - Parameters:
  ///   - candidates: instances that may serve the request, in order; never empty.
  ///   - load: requests at an instance, waiting ones included.
  ///   - view: the instance as placement sees it, this request's prefix included. Dearer than the load.
  /// - Returns: one of the candidates.
  mutating func choose(
    _ request: WorkloadRequest, among candidates: [Int], load: (Int) -> Int, view: (Int) -> InstanceView
  ) -> Int
}
