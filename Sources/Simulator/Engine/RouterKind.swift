/// Routers by name.
public enum RouterKind: String, CaseIterable, Hashable, Sendable {
  case roundRobin = "round_robin"
  case leastLoaded = "least_loaded"
  /// Longest cached prefix against the prefill that waits (Mooncake, Llumnix).
  case affinity

  func router() -> any Router {
    switch self {
    case .roundRobin: RoundRobinRouter()
    case .leastLoaded: LeastLoadedRouter()
    case .affinity: AffinityRouter()
    }
  }
}
