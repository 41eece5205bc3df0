/// What health checks are told.
struct Health: Hashable, Sendable {
  /// Calls are answered.
  var isAlive: Bool
  /// New work may come.
  var isReady: Bool

  /// The part of it that somebody asks for.
  enum Aspect: Sendable {
    case liveness
    case readiness

    /// - Parameter service: of the request; empty means the sidecar as a whole. nil for an unknown one.
    init?(service: String) {
      switch service {
      case "", "readiness", "coxswain.v1.Scheduler": self = .readiness
      case "liveness": self = .liveness
      default:
        guard Reflection.serviceNames.contains(service) else { return nil }
        self = .liveness
      }
    }
  }

  func isServing(_ aspect: Aspect) -> Bool { aspect == .liveness ? isAlive : isReady }
}
