/// Ranges of the values in a policy file; the schema states the same numbers.
public enum PolicyLimits {
  public static let version = 1
  public static let nameBytes = 1...64
  public static let descriptionBytes = 0...2_000
  public static let classes = 1...16
  public static let rank = 0...1_000
  public static let sloMs = 1...86_400_000
  public static let weight = 1...1_000
  public static let stepTokens = 1...16_777_216
  public static let sequences = 1...65_536
  public static let longPrefillTokens = 0...16_777_216
  /// PROTOCOL: 1 ms to 100 ms.
  public static let holdUs = 1_000...100_000
  public static let watermarkRatio = 0.5
  public static let draftTokens = 0...35
}
