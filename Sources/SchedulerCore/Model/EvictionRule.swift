/// Who chooses what leaves the prefix cache, and by which rule (Docs/memory.md).
public enum EvictionRule: String, CaseIterable, Hashable, Codable, Sendable {
  /// The engine, by its own rule.
  case engine
  /// Plans: what was not used for longest.
  case lru
  /// Plans: what was used least often.
  case lfu
  /// Plans: what is worth least.
  case reuseValue = "reuse_value"

  /// The rule that plans follow; nil: they leave it to the engine.
  public var planned: CacheEviction? {
    switch self {
    case .engine: nil
    case .lru: .lru
    case .lfu: .lfu
    case .reuseValue: .reuseValue
    }
  }
}
