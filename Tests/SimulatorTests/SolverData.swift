import Foundation
import Glibc

/// Whether the solver of linear programs is there; tests that need it are skipped where it is not.
enum SolverData {
  static let isInstalled =
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
      access("\($0)/glpsol", X_OK) == 0
    }
}
