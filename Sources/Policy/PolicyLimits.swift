/// Ranges of the values in a policy file; Schemas/policy-v1.json states the same numbers and a test compares verdicts.
public enum PolicyLimits {
  public static let version = 1
  public static let nameLength = 64
  public static let descriptionLength = 0...2_000
  public static let schemaLength = 0...500
  public static let classes = 1...16
  public static let rank = 0...1_000
  /// Up to one day.
  public static let sloMs = 1...86_400_000
  public static let weight = 1...1_000
  /// A class may own everything.
  public static let reservedRatio = 1.0
  public static let upgradeQuota = 0...65_536
  public static let upgradesPerSecond = 1...100_000
  public static let tenants = 0...256
  public static let models = 0...64
  /// Unicode scalars; models are named as engines name them.
  public static let modelNameLength = 1...256
  /// Unicode scalars; tenants are named as engines name them, by whatever string.
  public static let tenantNameLength = 1...256
  /// Up to one day.
  public static let starvationBoundMs = 1...86_400_000
  public static let quantumTokens = 1...16_777_216
  public static let stepTokens = 1...16_777_216
  public static let sequences = 1...65_536
  public static let longPrefillTokens = 0...16_777_216
  public static let chunkTileTokens = 0...65_536
  public static let sliceIterations = 1...1_000_000
  /// 1 ms to 100 ms (Docs/wire.md, session rule 17).
  public static let holdUs = 1_000...100_000
  /// Admission may leave at most half of a pool free.
  public static let watermarkRatio = 0.5
  public static let restPlans = 0...10_000
  public static let preemptionsPerSecond = 1...100_000
  public static let queueDepth = 0...1_000_000
  /// One base-36 digit reports them (session rule 7).
  public static let draftTokens = 0...35
  public static let maxDraftTokens = 1...35
  public static let draftStepUs = 0...1_000_000
  public static let lossLimitRatio = 0.1
  public static let kvFreeRatio = 0.5

  static func isName(_ text: String) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    let bytes = text.utf8
    guard let first = bytes.first, isAlphanumeric(first), bytes.count <= nameLength else { return false }
    return bytes.allSatisfy {
      isAlphanumeric($0) || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0)
    }
  }
}
