/// What part of a request an instance serves.
public enum EngineRole: String, CaseIterable, Hashable, Sendable {
  case both
  /// Up to the first token; then its KV moves to an instance that decodes.
  case prefill
  /// From the second token on.
  case decode
}
