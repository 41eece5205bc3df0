/// How a policy has drafts decided, for engines that declare a drafter (Docs/speculation.md).
public struct SpeculationConfig: Hashable, Codable, Sendable {
  public enum Mode: String, CaseIterable, Hashable, Codable, Sendable {
    /// No drafts.
    case off
    /// `draft_tokens` drafts for each decoding request.
    case fixed
    /// The engine's own longest draft for each decoding request.
    case engine
    /// As many as are worth their time, anew for every iteration and request.
    case goodput
  }

  public static let maxDraftTokensDefault = 16
  public static let lossLimitPpmDefault = 5_000
  public static let kvFreePpmDefault = 30_000

  public var mode: Mode
  /// Most drafts of one request under `goodput`; the engine's limit holds as well.
  public var maxDraftTokens: Int
  /// Time of the drafter for one more draft of every sequence, in microseconds; nil: learned from measured iterations.
  public var draftStepUs: Int?
  /// Share of the time that drafts may lose against none before they stop, in parts per million.
  public var lossLimitPpm: Int
  /// Share of a block pool below which drafts stop, in parts per million; they return at twice as much.
  public var kvFreePpm: Int

  public init(
    mode: Mode = .fixed, maxDraftTokens: Int = Self.maxDraftTokensDefault, draftStepUs: Int? = nil,
    lossLimitPpm: Int = Self.lossLimitPpmDefault, kvFreePpm: Int = Self.kvFreePpmDefault
  ) {
    self.mode = mode
    self.maxDraftTokens = maxDraftTokens
    self.draftStepUs = draftStepUs
    self.lossLimitPpm = lossLimitPpm
    self.kvFreePpm = kvFreePpm
  }
}
