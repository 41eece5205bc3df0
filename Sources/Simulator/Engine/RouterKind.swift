/// Routers by name.
public enum RouterKind: String, CaseIterable, Hashable, Sendable {
  case roundRobin = "round_robin"
  case leastLoaded = "least_loaded"

  func router() -> any Router {
    switch self {
    case .roundRobin: RoundRobinRouter()
    case .leastLoaded: LeastLoadedRouter()
    }
  }
}
