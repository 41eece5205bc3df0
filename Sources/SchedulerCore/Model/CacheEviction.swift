/// Which cached prefix block goes first when room is needed.
public enum CacheEviction: String, CaseIterable, Hashable, Codable, Sendable {
  /// What was not used for longest, of one prompt the end first (vLLM V1).
  case lru
  /// What was used least often, then least recently.
  case lfu
  /// What is worth least: expected reuse per time kept, times what it would cost to compute again.
  case reuseValue = "reuse_value"
}
