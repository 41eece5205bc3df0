import SchedulerCore

/// One instance after the other.
public struct RoundRobinRouter: Router {
  private var turn = 0

  public init() {}

  public mutating func choose(
    _ request: WorkloadRequest, among candidates: [Int], load: (Int) -> Int, view: (Int) -> InstanceView
  ) -> Int {
    turn += 1
    return candidates[(turn - 1) % candidates.count]
  }
}
