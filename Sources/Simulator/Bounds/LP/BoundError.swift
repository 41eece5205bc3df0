/// Why a bound could not be computed.
public enum BoundError: Error, Hashable, Sendable, CustomStringConvertible {
  case noSolver
  case solver(String)
  case tooLarge(columns: Int)
  case workload(WorkloadError)

  public var description: String {
    switch self {
    case .noSolver: "no glpsol on the path: install Debian's package glpk-utils"
    case .solver(let message): "glpsol: \(message)"
    case .tooLarge(let columns):
      "the program has \(columns) columns, more than \(LinearProgram.columnsMax); a shorter slice has fewer"
    case .workload(let error): error.description
    }
  }
}
