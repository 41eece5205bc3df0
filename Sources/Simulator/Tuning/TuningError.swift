import Policy

/// Why tuning came to nothing.
public enum TuningError: Error, CustomStringConvertible {
  /// The base under its new name.
  case policy(PolicyErrors)
  /// The policy that there is cannot be simulated on this traffic.
  case run(EngineRunError)

  public var description: String {
    switch self {
    case .policy(let errors): errors.description
    case .run(let error): error.description
    }
  }
}
