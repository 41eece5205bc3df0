import SchedulerCore

/// A way in which a profile may be wrong. A ranking of policies is worth claiming when it holds under each.
public enum TimeDistortion: String, CaseIterable, Hashable, Sendable {
  case cheapMixed = "mixed_minus_50"
  case dearMixed = "mixed_plus_50"
  case lowOverhead = "overhead_minus_50"
  case highOverhead = "overhead_plus_50"

  /// Iterations with prefill take half or one and a half times as long, or the engine's overhead is.
  func apply(to time: inout IterationTimeModel) {
    switch self {
    case .cheapMixed: Self.scale(&time.withPrefill, by: 0.5)
    case .dearMixed: Self.scale(&time.withPrefill, by: 1.5)
    case .lowOverhead: time.overheadUs = time.overheadUs / 2
    case .highOverhead: time.overheadUs = time.overheadUs * 3 / 2
    }
  }

  private static func scale(_ k: inout IterationTimeModel.Coefficients, by factor: Double) {
    k.a *= factor
    k.b0 *= factor
    k.b *= factor
    k.c *= factor
    k.g *= factor
    k.d *= factor
    k.e *= factor
    k.f *= factor
  }
}
