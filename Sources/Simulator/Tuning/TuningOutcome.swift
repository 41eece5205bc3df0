/// The proposal against the policy that was there, on traffic that was held back.
public enum TuningOutcome: String, Hashable, Sendable {
  case better
  /// Within the margin.
  case same
  case worse
  /// Nothing was changed, so nothing was compared.
  case unchanged
}
