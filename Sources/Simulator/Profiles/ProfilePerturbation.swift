import SchedulerCore

/// A profile that is wrong by known factors, to see what of a result depends on it.
public struct ProfilePerturbation: Hashable, Sendable {
  /// Of all coefficients for iterations with prefill, and of the prefill times of a table.
  public let mixedFactor: Double
  /// Of the engine's own time per step.
  public let overheadFactor: Double

  public static let none = ProfilePerturbation(mixedFactor: 1, overheadFactor: 1)

  /// Each factor as it is, half as much again, and half; the profile as it is comes first.
  public static let all: [ProfilePerturbation] = [1, 1.5, 0.5].flatMap { mixed in
    [1, 1.5, 0.5].map { ProfilePerturbation(mixedFactor: mixed, overheadFactor: $0) }
  }

  public var name: String {
    let parts = [("mixed", mixedFactor), ("overhead", overheadFactor)].filter { $0.1 != 1 }.map { name, factor in
      "\(name) \(factor > 1 ? "+" : "-")\(Int((abs(factor - 1) * 100).rounded())) %"
    }
    return parts.isEmpty ? "as is" : parts.joined(separator: ", ")
  }
}

extension GPUProfile {
  /// The profile with its times off by the factors.
  public func perturbed(by perturbation: ProfilePerturbation) -> GPUProfile {
    var profile = self
    let factor = perturbation.mixedFactor
    profile.time.withPrefill = time.withPrefill.scaled(by: factor)
    profile.time.table?.prefill.scale(by: factor)
    profile.time.overheadUs = Int((Double(time.overheadUs) * perturbation.overheadFactor).rounded())
    return profile
  }
}
